//! Special fields: members of a value that the kernel manages. User space reserves space for these
//! members and can't access them. A lookup returns zeros for a special field, or the bytes of an
//! empty list or of an initial count. An update ignores the new bytes and resets the field. This
//! cancels timers, and releases objects that the value owns. From Linux 7.1 on, an update of an
//! array element does not reset its special fields.

use crate::plain::Plain;
use bpfmap_core::SpecialField;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::ptr::NonNull;

macro_rules! opaque {
    ($($(#[$attribute:meta])* $name:ident($($word:tt)*);)*) => { $(
        $(#[$attribute])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            opaque: $($word)*,
        }

        // SAFETY: integers.
        unsafe impl Plain for $name {}

        const _: () = assert!(
            size_of::<$name>() == SpecialField::$name.size() as usize
                && align_of::<$name>() == SpecialField::$name.align() as usize,
        );

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )* };
}

opaque! {
    /// A `struct bpf_spin_lock` (Linux 5.1): 4 bytes. Only BPF programs can acquire the lock
    /// directly. User space can read and write a whole value under the lock with
    /// [`Map::lookup_locked`](crate::Map::lookup_locked) and
    /// [`Map::update_locked`](crate::Map::update_locked).
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() {
    /// use bpfmap::{
    ///     BpfType, Kptr, ListHead, ListNode, RbNode, RbRoot, RefCount, ResSpinLock, SpinLock, TaskWork,
    ///     Timer, WorkQueue,
    /// };
    ///
    /// /// An object that programs allocate, and keep in a list and in a tree.
    /// #[derive(Clone, Copy, BpfType)]
    /// #[repr(C)]
    /// struct Job {
    ///     id: u64,
    ///     arrival: ListNode,
    ///     order: RbNode,
    ///     owners: RefCount,
    ///     _pad: [u8; 4],
    /// }
    ///
    /// /// A value with the list and the tree.
    /// #[derive(Clone, Copy, BpfType)]
    /// #[repr(C)]
    /// struct Queue {
    ///     lock: SpinLock,
    ///     length: u32,
    ///     #[bpf(list_head = Job.arrival)]
    ///     arrivals: ListHead,
    ///     #[bpf(rb_root = Job.order)]
    ///     order: RbRoot,
    /// }
    ///
    /// /// A value that schedules work for later, and refers to a task.
    /// #[derive(Clone, Copy, BpfType)]
    /// #[repr(C)]
    /// struct Watched {
    ///     lock: ResSpinLock,
    ///     alarms: u32,
    ///     timer: Timer,
    ///     later: WorkQueue,
    ///     before_return: TaskWork,
    ///     #[bpf(kptr = "task_struct")]
    ///     task: Kptr,
    /// }
    ///
    /// // User space can access the members that are not special fields. The special fields are
    /// // always zero.
    /// let queue = Queue { length: 2, ..bpfmap::zeroed() };
    /// assert_eq!((queue.length, queue.lock), (2, SpinLock::default()));
    /// # }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    #[repr(C)]
    SpinLock(u32);

    /// A `struct bpf_res_spin_lock` (Linux 6.15): 4 bytes. A program can fail to acquire this lock,
    /// which prevents deadlocks. User space can't acquire this lock, because `BPF_F_LOCK` needs a
    /// [`SpinLock`]. See [`SpinLock`] for an example.
    #[repr(C)]
    ResSpinLock(u32);

    /// A `struct bpf_timer` (Linux 5.15): 16 bytes, aligned to 8. The kernel cancels the timer when
    /// its entry is deleted, or when the last descriptor of the map is closed and its last pin is
    /// removed. See [`SpinLock`] for an example.
    #[repr(C, align(8))]
    Timer([u64; 2]);

    /// A `struct bpf_wq` (Linux 6.10): 16 bytes, aligned to 8. A program uses a work queue to pass
    /// work to a kernel thread, where the work may sleep. See [`SpinLock`] for an example.
    #[repr(C, align(8))]
    WorkQueue([u64; 2]);

    /// A `struct bpf_task_work` (Linux 6.18): 8 bytes. A program uses this field to pass work to a
    /// task. The task does the work before returning to user space. See [`SpinLock`] for an
    /// example.
    #[repr(C, align(8))]
    TaskWork([u64; 1]);

    /// A `struct bpf_refcount` (Linux 6.4): 4 bytes. The field counts the owners of an object that
    /// programs allocate. See [`SpinLock`] for an example.
    #[repr(C)]
    RefCount(u32);

    /// A pointer to an object of the kernel or of a program (Linux 5.19): 8 bytes. The value owns
    /// the object, or only refers to it. Pointers to per-CPU memory need Linux 6.7. Only programs
    /// can store a pointer. See [`SpinLock`] for an example.
    #[repr(C, align(8))]
    Kptr(u64);

    /// A `struct bpf_list_head` (Linux 6.2): 16 bytes, aligned to 8. The field is the head of a
    /// list of objects that programs allocate. Deleting the entry releases these objects. See
    /// [`SpinLock`] for an example.
    #[repr(C, align(8))]
    ListHead([u64; 2]);

    /// A `struct bpf_list_node` (Linux 6.2): 24 bytes (from Linux 6.6 on). An object needs this
    /// member to be in a list. See [`SpinLock`] for an example.
    #[repr(C, align(8))]
    ListNode([u64; 3]);

    /// A `struct bpf_rb_root` (Linux 6.3): 16 bytes, aligned to 8. The field is the root of a
    /// sorted tree of objects that programs allocate. Deleting the entry releases these objects.
    /// See [`SpinLock`] for an example.
    #[repr(C, align(8))]
    RbRoot([u64; 2]);

    /// A `struct bpf_rb_node` (Linux 6.3): 32 bytes (from Linux 6.6 on). An object needs this
    /// member to be in a tree. See [`SpinLock`] for an example.
    #[repr(C, align(8))]
    RbNode([u64; 4]);
}

/// A pointer to memory that this process shares with BPF programs (Linux 6.13): 8 bytes, in the value of a
/// `task_storage` map.
///
/// An update that stores an address pins the memory page at this address. Programs can then read
/// and write the memory, even while the process sleeps. A lookup always returns null.
///
/// The address alone is harmless. Like every value of a [`Plain`] type, a `UserPtr` can consist of
/// any bytes. Only the unsafe method [`Map::attach_user_ptrs`](crate::Map::attach_user_ptrs) makes
/// programs access the memory at the address.
///
/// The kernel refuses a `T` that crosses a page (`EOPNOTSUPP`) and memory that can't be written (`EFAULT`).
#[repr(C, align(8))]
pub struct UserPtr<T: 'static> {
    address: u64,
    shared: PhantomData<*const T>,
}

impl<T: Plain> UserPtr<T> {
    /// The null pointer.
    pub const NULL: Self = Self { address: 0, shared: PhantomData };

    /// Returns a pointer to memory that programs may write to after
    /// [`Map::attach_user_ptrs`](crate::Map::attach_user_ptrs) has stored the pointer in a map.
    #[must_use]
    pub fn new(memory: NonNull<T>) -> Self {
        Self { address: memory.as_ptr().expose_provenance() as u64, shared: PhantomData }
    }

    /// Returns whether the pointer is null.
    ///
    /// ```
    /// use bpfmap::UserPtr;
    /// use core::ptr::NonNull;
    ///
    /// let mut memory = [0_u64; 2];
    /// let pointer = UserPtr::new(NonNull::from(&mut memory));
    /// assert!(!pointer.is_null());
    /// // A lookup always returns the null pointer.
    /// assert!(UserPtr::<[u64; 2]>::NULL.is_null());
    /// ```
    #[must_use]
    pub const fn is_null(&self) -> bool {
        self.address == 0
    }
}

// SAFETY: the type consists of an integer and a marker of size zero. No safe code can make a
// program access the address: attaching a value with a user pointer is unsafe, and opening refuses
// a spec that hides one.
unsafe impl<T: Plain> Plain for UserPtr<T> {}
// SAFETY: a number that no code here dereferences. The caller of `attach_user_ptrs` is responsible
// for the memory.
unsafe impl<T> Send for UserPtr<T> {}
// SAFETY: a number that can't be changed through a shared reference.
unsafe impl<T> Sync for UserPtr<T> {}

impl<T> Clone for UserPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for UserPtr<T> {}

impl<T: Plain> Default for UserPtr<T> {
    fn default() -> Self {
        Self::NULL
    }
}

impl<T> PartialEq for UserPtr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.address == other.address
    }
}

impl<T> Eq for UserPtr<T> {}

impl<T> PartialOrd for UserPtr<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for UserPtr<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.address.cmp(&other.address)
    }
}

impl<T> Hash for UserPtr<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address.hash(state);
    }
}

impl<T> fmt::Debug for UserPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserPtr({:#x})", self.address)
    }
}

/// A value that has a [`SpinLock`] as a direct member, so that an operation can take the lock.
///
/// Generated types with a lock implement this trait. The kernel finds the lock through the map's
/// BTF. If a value has no lock, the kernel returns `EINVAL`.
///
/// ```no_run
/// use bpfmap::kind::{Lock, LookupElement, UpdateElement};
/// use bpfmap::{HasSpinLock, Map, MapSpec, UpdateMode};
///
/// /// Changes a value. Programs that take the lock see the whole change at once. Other processes
/// /// must not write to the map at the same time.
/// fn change<S>(map: &Map<S>, key: &S::Key, change: impl FnOnce(&mut S::Value)) -> bpfmap::Result<()>
/// where
///     S: MapSpec<Kind: Lock + LookupElement + UpdateElement, Value: HasSpinLock>,
///     S::Kind: bpfmap::kind::Kind<Value<S::Value> = S::Value>,
/// {
///     if let Some(mut value) = map.lookup_locked(key)? {
///         change(&mut value);
///         map.update_locked(key, &value, UpdateMode::Exist)?;
///     }
///     Ok(())
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no spin lock",
    label = "has no lock",
    note = "BPF_F_LOCK without a `struct bpf_spin_lock` in the value fails with EINVAL: use `lookup` and `update`, or add a member of type `bpf_spin_lock` to the value"
)]
pub trait HasSpinLock: Plain {}
