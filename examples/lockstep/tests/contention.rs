//! Programs on two CPUs and user space change the value at the same time.

use lockstep::{Cells, Lockstep, Storage, is_whole};

const BOTH: [Storage; 2] = [Storage::Array, Storage::Hash];
const TIMES: u32 = 20_000;

#[test]
fn a_reader_with_the_lock_never_sees_half_of_a_change() {
    let lockstep = Lockstep::load().unwrap();
    for storage in BOTH {
        let report = lockstep.contend(storage, TIMES).unwrap();
        assert_eq!(report.locked.torn, 0, "{storage:?}: {report:?}");
        assert_eq!(report.end, 2 * u64::from(TIMES), "{storage:?}: a change was lost");
        // Reads without the lock depend on the timing, so their results are only printed.
        println!("{storage:?}: {report:?}");
    }
}

#[test]
fn a_write_with_the_lock_is_whole() {
    let lockstep = Lockstep::load().unwrap();
    for storage in BOTH {
        let mut round = 0;
        let write = || {
            round += 1;
            // This is more than the programs add, so each read shows which write it follows.
            lockstep.set(storage, round << 32)?;
            let cells = lockstep.read_locked(storage)?;
            assert!(is_whole(&cells), "{storage:?}: {:?}", cells.numbers);
            assert_eq!(cells.numbers[0] >> 32, round, "{storage:?}: a write was lost");
            Ok(())
        };
        lockstep.while_programs_run(storage, TIMES, write).unwrap();
    }
}

#[test]
fn the_lock_can_be_neither_read_nor_written() {
    let lockstep = Lockstep::load().unwrap();
    for storage in BOTH {
        lockstep.set(storage, 7).unwrap();
        for cells in [lockstep.read(storage).unwrap(), lockstep.read_locked(storage).unwrap()] {
            assert_eq!(cells, Cells { numbers: [7; 32], ..Cells::default() });
        }
        // The lock is free, so a program can take it.
        lockstep.step(storage, 3).unwrap();
        assert_eq!(lockstep.read_locked(storage).unwrap().numbers, [10; 32]);
    }
}
