//! Prints the results.

use crate::measure::Job;
use serde_json::json;

/// Prints a table with a row for each job and a column for each contender.
pub(crate) fn print(jobs: &[Job]) {
    let mut columns: Vec<&str> = Vec::new();
    for measured in jobs.iter().flat_map(|job| &job.measured) {
        if !columns.contains(&measured.name) {
            columns.push(measured.name);
        }
    }
    print!("{:26}", "");
    for column in &columns {
        print!("{column:>20}");
    }
    println!();
    for job in jobs {
        print!("{:26}", job.name);
        for column in &columns {
            let cell = job.measured.iter().find(|measured| measured.name == *column).map_or_else(
                || "-".to_owned(),
                |measured| {
                    let allocations = if measured.allocations < 0.005 {
                        String::new()
                    } else {
                        format!(" [{:.2}]", measured.allocations)
                    };
                    let time = if *column == columns[0] {
                        duration(measured.nanoseconds)
                    } else {
                        format!("{:.3}", measured.ratio)
                    };
                    format!("{time}{allocations}")
                },
            );
            print!("{cell:>20}");
        }
        println!();
    }
}

fn duration(nanoseconds: f64) -> String {
    if nanoseconds < 1e5 {
        format!("{nanoseconds:.0} ns")
    } else {
        format!("{:.1} ms", nanoseconds / 1e6)
    }
}

/// Returns the results as JSON.
pub(crate) fn json(jobs: &[Job]) -> String {
    let jobs: Vec<_> = jobs
        .iter()
        .map(|job| {
            let contenders: Vec<_> = job
                .measured
                .iter()
                .map(|measured| {
                    json!({
                        "name": measured.name,
                        "ratio": measured.ratio,
                        "nanoseconds": measured.nanoseconds,
                        "allocations": measured.allocations,
                    })
                })
                .collect();
            json!({ "job": job.name, "contenders": contenders })
        })
        .collect();
    format!("{:#}\n", json!({ "jobs": jobs }))
}
