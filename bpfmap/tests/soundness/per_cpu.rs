//! Values of per-CPU maps.

use bpfmap::{PerCpu, possible_cpus};

/// The number of a CPU must not wrap around: `1 << 63` times two words is 0 in 64 bits.
#[test]
fn a_cpu_number_beyond_the_last_cpu_has_no_value() {
    let mut values = PerCpu::<[u64; 2]>::splat([1, 2]).unwrap();
    let beyond = [possible_cpus().unwrap(), 1 << 62, 1 << 63, (1 << 63) + 1, usize::MAX];
    for cpu in beyond {
        assert_eq!(values.get(cpu), None, "CPU {cpu}");
        assert_eq!(values.get_mut(cpu), None, "CPU {cpu}");
    }
    assert_eq!(values.get(0), Some(&[1, 2]));
}
