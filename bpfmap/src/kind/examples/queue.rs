use bpfmap::{Map, MapSpec, kind::Queue};

/// Hands a job to programs; `false` when too many wait.
fn hand_over<Jobs>(jobs: &Map<Jobs>, job: u32) -> bpfmap::Result<bool>
where
    Jobs: MapSpec<Kind = Queue, Key = (), Value = u32>,
{
    jobs.try_push(&job)
}
