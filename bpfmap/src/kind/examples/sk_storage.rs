use bpfmap::{Map, MapSpec, kind::SkStorage};
use std::net::UdpSocket;

/// Sets the budget of a socket, and returns the rest of the previous budget.
fn grant<Budgets>(budgets: &Map<Budgets>, socket: &UdpSocket) -> bpfmap::Result<Option<u64>>
where
    Budgets: MapSpec<Kind = SkStorage, Key = u32, Value = u64>,
{
    let left = budgets.attached(socket)?;
    budgets.attach(socket, &1000)?;
    Ok(left)
}
