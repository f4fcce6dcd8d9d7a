//! Operations on per-CPU maps that read or write the value of one CPU, or write the same value for
//! all CPUs (Linux 7.0).

use super::Map;
use crate::kind::SelectCpu;
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::oldest_kernel::Needs;
use crate::user_space::sys::{self, Command, Errno};
use core::mem::MaybeUninit;
use core::ptr::{from_ref, null};
use core::sync::atomic::{AtomicBool, Ordering};

/// `BPF_F_CPU`: the operation accesses the value of the CPU whose number is in the upper half of
/// the flags.
const BPF_F_CPU: u64 = 8;
/// `BPF_F_ALL_CPUS`: the operation writes the same value for each CPU.
const BPF_F_ALL_CPUS: u64 = 16;

impl<S: MapSpec> Map<S> {
    /// Returns the value of one CPU without an allocation, or `None` if the map has no entry with this key (Linux 7.0).
    ///
    /// [`lookup`](Self::lookup) reads the values of all CPUs, and works on older kernels.
    ///
    /// ```no_run
    #[doc = include_str!("../../kind/examples/one_cpu.rs")]
    /// ```
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) (`EINVAL`): the kernel is older than Linux 7.0.
    /// `ERANGE`: the machine can't have a CPU with this number; see
    /// [`possible_cpus`](crate::possible_cpus). `EPERM`: the descriptor is write-only.
    pub fn lookup_on(&self, key: &S::Key, cpu: usize) -> Result<Option<S::Value>>
    where
        S::Kind: SelectCpu,
    {
        let () = Needs::<S>::LOOKUP_ON;
        let flags = on(cpu).map_err(|errno| Self::failed(Action::Lookup, errno))?;
        let mut value = MaybeUninit::<S::Value>::uninit();
        let mut attr = self.element(key, value.as_mut_ptr().cast(), flags);
        // SAFETY: the key is only read. With `BPF_F_CPU`, the kernel writes one value of the size
        // that opening compared, without rounding it up. An older kernel refuses the flag before it
        // writes.
        match unsafe { sys::bpf(Command::LookupElem, &mut attr) } {
            // SAFETY: the kernel wrote the whole value.
            Ok(_) => Ok(Some(unsafe { value.assume_init() })),
            Err(Errno(libc::ENOENT)) => Ok(None),
            Err(Errno(libc::EINVAL)) => Err(Self::cannot_select(Action::Lookup)),
            Err(errno) => Err(Self::failed(Action::Lookup, errno)),
        }
    }

    /// Writes the value of one CPU and leaves the values of the other CPUs unchanged (Linux 7.0).
    /// If a hash has no entry with this key, the method creates an entry, in which the values of
    /// the other CPUs are zero.
    ///
    /// For this operation, the kernel ignores `BPF_NOEXIST` and `BPF_EXIST`. The method therefore
    /// has no parameter of type [`UpdateMode`](crate::UpdateMode).
    ///
    /// ```no_run
    /// use bpfmap::{Map, MapSpec, kind::PercpuHash};
    ///
    /// /// Sets the limits of a source: first the same limit for all CPUs, and then a higher limit
    /// /// for the busiest CPU.
    /// fn limit<Limits>(limits: &Map<Limits>, source: u32, busy_cpu: usize) -> bpfmap::Result<()>
    /// where
    ///     Limits: MapSpec<Kind = PercpuHash, Key = u32, Value = u64>,
    /// {
    ///     limits.update_all_cpus(&source, &1_000)?;
    ///     limits.update_on(&source, busy_cpu, &50_000)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) (`EINVAL`): the kernel is older than Linux 7.0.
    /// `ERANGE`: the machine can't have a CPU with this number; see
    /// [`possible_cpus`](crate::possible_cpus). `E2BIG`: a hash is full, or an index is out of
    /// range. `ENOENT`: no program that uses the cgroup storage is attached to the cgroup. `EPERM`:
    /// the map is frozen, or the descriptor is read-only.
    pub fn update_on(&self, key: &S::Key, cpu: usize, value: &S::Value) -> Result<()>
    where
        S::Kind: SelectCpu,
    {
        let () = Needs::<S>::UPDATE_ON;
        let flags = on(cpu).map_err(|errno| Self::failed(Action::Update, errno))?;
        self.write_selected(key, value, flags)
    }

    /// Writes the same value for each CPU (Linux 7.0). This method has the same effect as
    /// [`update`](Self::update) with [`PerCpu::splat`](crate::PerCpu::splat), but does not allocate
    /// memory.
    ///
    /// # Errors
    /// Fails in the same cases as [`update_on`](Self::update_on).
    pub fn update_all_cpus(&self, key: &S::Key, value: &S::Value) -> Result<()>
    where
        S::Kind: SelectCpu,
    {
        let () = Needs::<S>::UPDATE_ALL_CPUS;
        self.write_selected(key, value, BPF_F_ALL_CPUS)
    }

    fn write_selected(&self, key: &S::Key, value: &S::Value, flags: u64) -> Result<()> {
        // An older kernel would read a value for each CPU before it refuses the flag.
        if !self.can_select() {
            return Err(Self::cannot_select(Action::Update));
        }
        let mut attr = self.element(key, from_ref(value).cast(), flags);
        // SAFETY: key and value are only read. The kernel knows the flags, and reads one value with them.
        match unsafe { sys::bpf(Command::UpdateElem, &mut attr) } {
            Ok(_) => Ok(()),
            Err(errno) => Err(Self::failed(Action::Update, errno)),
        }
    }

    /// Returns whether the kernel knows the flags. The check requests the value of a CPU that no
    /// machine has. A kernel that knows the flags reports that this CPU does not exist, or that the
    /// descriptor is write-only. Other kernels refuse the flags before they check anything else.
    fn can_select(&self) -> bool {
        static CAN: AtomicBool = AtomicBool::new(false);
        CAN.load(Ordering::Relaxed) || {
            let mut attr = self.element(null(), null(), (u64::from(u32::MAX) << 32) | BPF_F_CPU);
            // SAFETY: the kernel refuses the call before it reads or writes anything.
            let answer = unsafe { sys::bpf(Command::LookupElem, &mut attr) };
            let can = answer != Err(Errno(libc::EINVAL));
            CAN.store(can, Ordering::Relaxed);
            can
        }
    }

    #[cold]
    fn cannot_select(action: Action) -> Error {
        let text = "this kernel can't access the value of one CPU, which needs Linux 7.0: use `lookup` and \
                    `update` with a `PerCpu`, which work on all kernels";
        Error::told(action, S::DEF.name, ErrorKind::Unsupported, libc::EINVAL, text.to_owned())
    }
}

/// Returns the flags that select the value of a CPU.
fn on(cpu: usize) -> core::result::Result<u64, Errno> {
    let cpu = u32::try_from(cpu).map_err(|_| Errno(libc::ERANGE))?;
    Ok((u64::from(cpu) << 32) | BPF_F_CPU)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_cpu_is_in_the_upper_half_of_the_flags() {
        assert_eq!(on(0), Ok(8));
        assert_eq!(on(3), Ok(0x3_0000_0008));
        assert_eq!(on(1 << 32), Err(Errno(libc::ERANGE)));
    }
}
