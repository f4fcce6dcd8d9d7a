//! Runs tests that are described by data, without generated types.

use bpfmap::MapDef;

use crate::declaration::Definition;
use crate::{
    Fixture, MapFixture, Step, arena, ask, entry, events, filter, instructions, jump, program,
    redirect, reuseport, sockets, stacks, within,
};
use bpfmap_core::fixture::{Needs, REFUSED};

/// Runs the steps of a test of a map, in order. `object` is the object file of the fixture.
///
/// The results are the same as the results of the generated test with these steps.
///
/// # Panics
///
/// Panics if the running kernel returns a result that the facts table does not allow, or if the two
/// sides read different data.
pub fn run(def: &'static MapDef<'static>, fixture: &MapFixture<'_>, object: &[u8], steps: &[Step]) {
    let declaration = Definition(def);
    let (loaded, alone): (Vec<Step>, Vec<Step>) = steps
        .iter()
        .partition(|step| matches!(step.needs(), Needs::LoadedObject | Needs::LoadedObjectAndMap));
    if !loaded.is_empty() {
        let Some(of_map) = Fixture::of_declared(&declaration, object, fixture) else { return };
        for step in loaded {
            run_loaded(step, &of_map, &declaration, fixture);
        }
    }
    for step in alone {
        match step {
            Step::Answers => crate::try_operations(&declaration, fixture),
            Step::FindsTheInstructionsOfAProgram => {
                instructions::finds_the_instructions_of_a_program(&declaration, fixture);
            }
            Step::WritesSocketsInProgram => {
                sockets::writes_sockets_in_program(&declaration, object);
            }
            Step::ProgramIsRefused(role) => {
                let role = format!("{REFUSED}{role}");
                program::program_is_refused(&declaration, object, fixture, &role);
            }
            step => unreachable!("{step:?} needs the loaded object"),
        }
    }
}

/// Runs a step that needs the loaded object.
fn run_loaded(step: Step, loaded: &Fixture, declaration: &Definition, fixture: &MapFixture<'_>) {
    let map = &loaded.open(declaration);
    match step {
        Step::FindsWhatTheProgramWrote => entry::finds_what_the_program_wrote(loaded, map),
        Step::WritesWhatTheProgramFinds => entry::writes_what_the_program_finds(loaded, map),
        Step::PopsWhatTheProgramPushed => entry::pops_what_the_program_pushed(loaded, map),
        Step::PushesWhatTheProgramPops => entry::pushes_what_the_program_pops(loaded, map),
        Step::PushesWhatTheProgramPeeks => entry::pushes_what_the_program_peeks(loaded, map),
        Step::FindsWhatTheProgramAdded => filter::finds_what_the_program_added(loaded, map),
        Step::AddsWhatTheProgramFinds => filter::adds_what_the_program_finds(loaded, map),
        Step::ReadsWhatTheProgramSubmitted => events::reads_what_the_program_submitted(loaded, map),
        Step::ReadsFromEachCpu => events::reads_from_each_cpu(loaded, map),
        Step::SendsWhatTheProgramDrains => events::sends_what_the_program_drains(loaded, map),
        Step::FindsInTheArenaWhatTheProgramWrote => {
            arena::finds_in_the_arena_what_the_program_wrote(loaded, map);
        }
        Step::WritesIntoTheArenaWhatTheProgramFinds => {
            arena::writes_into_the_arena_what_the_program_finds(loaded, map);
        }
        Step::TouchesAPageThatNoProgramHasAllocated => {
            arena::touches_a_page_that_no_program_has_allocated(loaded, map);
        }
        Step::TouchesNoPageBeforeAProgramAllocatesIt => {
            arena::touches_no_page_before_a_program_allocates_it(loaded, map);
        }
        Step::TellsTheCgroupThatUserSpaceSays => {
            ask::tells_the_cgroup_that_user_space_says(loaded, map);
        }
        Step::RedirectsToAnInterface => redirect::redirects_to_an_interface(loaded, map),
        Step::RedirectsToACpu => redirect::redirects_to_a_cpu(loaded, map),
        Step::RedirectsToAnXdpSocket => redirect::redirects_to_an_xdp_socket(loaded, map),
        Step::FindsSockets => sockets::finds_sockets(loaded, map),
        Step::PicksASocket => reuseport::picks_a_socket(loaded, map),
        Step::ReadsTheAddressesOfBothStacks => {
            stacks::reads_the_addresses_of_both_stacks(loaded, map);
        }
        Step::ReadsTheFilesOfBothStacks => stacks::reads_the_files_of_both_stacks(loaded, map),
        Step::MeetsInTheMapWithin => within::meets_in_the_map_within(loaded, map),
        Step::MeetsInTheQueueWithin => within::meets_in_the_queue_within(loaded, map),
        Step::FindsTheMapWithin => within::finds_the_map_within(loaded, map),
        Step::HoldsAtFirst => within::holds_at_first(loaded, map, fixture),
        Step::JumpsWhereUserSpaceSays => jump::jumps_where_user_space_says(loaded, map, fixture),
        Step::Answers
        | Step::FindsTheInstructionsOfAProgram
        | Step::WritesSocketsInProgram
        | Step::ProgramIsRefused(_) => unreachable!("{step:?} needs no loaded object"),
    }
}
