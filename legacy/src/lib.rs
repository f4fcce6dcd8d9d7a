//! Calls libbpf 0.3, which still loads legacy map definitions (`struct bpf_map_def`).
//!
//! The library is opened with `dlopen(3)`, because a program can't link two versions of libbpf.

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_long, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;

/// The functions of libbpf 0.3 that are needed to load a map.
pub struct Libbpf {
    open: unsafe extern "C" fn(*const c_char) -> *mut c_void,
    get_error: unsafe extern "C" fn(*const c_void) -> c_long,
    load: unsafe extern "C" fn(*mut c_void) -> c_int,
    find_map: unsafe extern "C" fn(*const c_void, *const c_char) -> *mut c_void,
    key_type: unsafe extern "C" fn(*const c_void) -> u32,
    value_type: unsafe extern "C" fn(*const c_void) -> u32,
    map_fd: unsafe extern "C" fn(*const c_void) -> c_int,
    close: unsafe extern "C" fn(*mut c_void),
}

impl Libbpf {
    /// Opens the shared library `file`. The library stays loaded until the process ends.
    ///
    /// # Errors
    ///
    /// Returns the message of the dynamic linker if the library can't be opened.
    pub fn open(file: &Path) -> Result<Self, String> {
        let path = c_string(file.as_os_str())?;
        // SAFETY: the path is a C string, and libbpf's constructors only set variables.
        let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        let library = NonNull::new(library).ok_or_else(linker_error)?;
        // SAFETY: each type is the type of the function in `libbpf.h` of libbpf 0.3.
        unsafe {
            Ok(Self {
                open: symbol(library, c"bpf_object__open")?,
                get_error: symbol(library, c"libbpf_get_error")?,
                load: symbol(library, c"bpf_object__load")?,
                find_map: symbol(library, c"bpf_object__find_map_by_name")?,
                key_type: symbol(library, c"bpf_map__btf_key_type_id")?,
                value_type: symbol(library, c"bpf_map__btf_value_type_id")?,
                map_fd: symbol(library, c"bpf_map__fd")?,
                close: symbol(library, c"bpf_object__close")?,
            })
        }
    }

    /// Opens the object `file` and loads it into the kernel.
    ///
    /// # Errors
    ///
    /// Returns a message with the error code of libbpf if the object can't be opened or loaded.
    /// libbpf writes its log to standard error.
    pub fn load(&self, file: &Path) -> Result<Object<'_>, String> {
        let path = c_string(file.as_os_str())?;
        // SAFETY: the path is a C string.
        let object = unsafe { (self.open)(path.as_ptr()) };
        // SAFETY: the function accepts any pointer that `open` has returned.
        let error = unsafe { (self.get_error)(object) };
        if error != 0 {
            return Err(format!("libbpf can't open `{}`: error {error}", file.display()));
        }
        let object = Object { libbpf: self, object };
        // SAFETY: the object is open.
        match unsafe { (self.load)(object.object) } {
            0 => Ok(object),
            error => Err(format!("libbpf can't load `{}`: error {error}", file.display())),
        }
    }
}

/// An object that is loaded into the kernel. Its descriptors are closed when the value is dropped.
pub struct Object<'a> {
    libbpf: &'a Libbpf,
    object: *mut c_void,
}

/// The information that libbpf has about a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Map {
    /// The descriptor of the map.
    pub fd: c_int,
    /// The BTF type ID of the key, or 0 if the map has no BTF for the key.
    pub key_type: u32,
    /// The BTF type ID of the value, or 0 if the map has no BTF for the value.
    pub value_type: u32,
}

impl Object<'_> {
    /// Returns the map `name`, or `None` if the object does not contain this map.
    #[must_use]
    pub fn map(&self, name: &str) -> Option<Map> {
        let name = CString::new(name).ok()?;
        // SAFETY: the object is open, and the name is a C string.
        let map = unsafe { (self.libbpf.find_map)(self.object, name.as_ptr()) };
        // SAFETY: a map that libbpf found lives as long as its object.
        (!map.is_null()).then(|| unsafe {
            Map {
                fd: (self.libbpf.map_fd)(map),
                key_type: (self.libbpf.key_type)(map),
                value_type: (self.libbpf.value_type)(map),
            }
        })
    }
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        // SAFETY: the object is open, and is not used after this call.
        unsafe { (self.libbpf.close)(self.object) }
    }
}

/// # Safety
///
/// `F` must be the function pointer type of the function `name`.
unsafe fn symbol<F>(library: NonNull<c_void>, name: &CStr) -> Result<F, String> {
    // SAFETY: the library is open, and the name is a C string.
    let address = unsafe { libc::dlsym(library.as_ptr(), name.as_ptr()) };
    if address.is_null() {
        return Err(linker_error());
    }
    // SAFETY: a function pointer has the size of an address, and the caller knows its type.
    Ok(unsafe { std::mem::transmute_copy(&address) })
}

fn linker_error() -> String {
    // SAFETY: the function takes no arguments, and the string that it returns is valid until the
    // next call of the dynamic linker.
    let message = unsafe { libc::dlerror() };
    if message.is_null() {
        return "the dynamic linker failed without a message".to_owned();
    }
    // SAFETY: the pointer refers to a C string, because it is not null.
    unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
}

fn c_string(text: &OsStr) -> Result<CString, String> {
    CString::new(text.as_bytes()).map_err(|error| error.to_string())
}
