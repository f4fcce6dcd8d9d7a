use bpfmap::{Map, MapSpec, kind::Queue};

/// Passes a job to programs. Returns `false` if the queue is full.
fn hand_over<Jobs>(jobs: &Map<Jobs>, job: u32) -> bpfmap::Result<bool>
where
    Jobs: MapSpec<Kind = Queue, Key = (), Value = u32>,
{
    jobs.try_push(&job)
}
