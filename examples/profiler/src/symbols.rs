//! Finds the names of functions by their addresses.

use blazesym::symbolize::source::{Kernel, Process, Source};
use blazesym::symbolize::{Input, Symbolizer};
use blazesym::{MaybeDefault, Pid};

/// The name of a frame whose function is not known.
const UNKNOWN: &str = "[unknown]";

/// Finds the names of functions. Keeps the symbols that have been read, for later calls.
#[derive(Debug)]
pub(crate) struct Symbols {
    symbolizer: Symbolizer,
}

impl Symbols {
    pub(crate) fn new() -> Self {
        Self { symbolizer: Symbolizer::new() }
    }

    /// Returns a name for each address in the kernel, from `/proc/kallsyms`.
    pub(crate) fn of_kernel(&self, addresses: &[u64]) -> Vec<String> {
        let kernel = Kernel { vmlinux: MaybeDefault::None, ..Kernel::default() };
        self.names(&Source::Kernel(kernel), addresses)
    }

    /// Returns a name for each address in a process, from the files that the process has mapped.
    pub(crate) fn of_process(&self, process: u32, addresses: &[u64]) -> Vec<String> {
        self.names(&Source::Process(Process::new(Pid::from(process))), addresses)
    }

    fn names(&self, source: &Source<'_>, addresses: &[u64]) -> Vec<String> {
        // The innermost address is the address of an instruction. Each other address is a return
        // address. It may be beyond the last instruction of the function that made the call.
        let calls = addresses.iter().enumerate();
        let calls: Vec<u64> =
            calls.map(|(index, address)| address - u64::from(index > 0)).collect();
        // The process may have ended.
        let Ok(symbols) = self.symbolizer.symbolize(source, Input::AbsAddr(&calls)) else {
            return vec![UNKNOWN.to_owned(); addresses.len()];
        };
        let name = |symbol: &blazesym::symbolize::Symbolized<'_>| {
            symbol.as_sym().map_or(UNKNOWN.to_owned(), |symbol| symbol.name.to_string())
        };
        symbols.iter().map(name).collect()
    }
}
