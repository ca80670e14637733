//! A configuration's numbers, as the parts of the node want them; and what of it can change while the node runs.

use std::time::Duration;

use assay_scheme::Priority;

use crate::admission::{Limits, TenantLimits};
use crate::batcher::BatchLimits;
use crate::config::{Config, TenantConfig};

/// The sections that differ and cannot change in a running node.
pub(super) fn fixed_changes(current: &Config, wanted: &Config) -> Vec<&'static str> {
    let changes = [
        ("node", current.node != wanted.node),
        ("listen", current.listen != wanted.listen),
        ("engine", current.engine != wanted.engine),
        ("admin", current.admin != wanted.admin),
        ("log", current.log != wanted.log),
        ("drain", current.drain != wanted.drain),
    ];
    changes.into_iter().filter_map(|(key, changed)| changed.then_some(key)).collect()
}

/// Admission's limits, as configured.
pub(super) fn limits(config: &Config) -> Limits {
    let tenant = |tenant: &TenantConfig| TenantLimits {
        items_per_second: (tenant.items_per_second > 0).then_some(tenant.items_per_second),
        burst_items: tenant.burst_items,
        requests_in_flight: tenant.requests_in_flight_max as u64,
        bytes_in_flight: tenant.bytes_in_flight_max,
        table_bytes: tenant.table_bytes_max,
        priorities: Priority::ALL.map(|priority| tenant.permits(priority)),
    };
    Limits {
        queue_items: Priority::ALL.map(|priority| config.queues.of(priority).items_max as u64),
        bytes_in_flight: config.listen.bytes_in_flight_max,
        tenants: config.tenants.iter().map(|(name, limits)| (name.clone(), tenant(limits))).collect(),
    }
}

/// The batcher's limits, as configured.
pub(super) fn batch_limits(config: &Config) -> [BatchLimits; Priority::ALL.len()] {
    Priority::ALL.map(|priority| {
        let queue = config.queues.of(priority);
        BatchLimits { items_max: queue.batch_items_max, age_max: Duration::from_micros(queue.batch_age_us_max) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_needs_a_restart_is_named_and_nothing_else_is() {
        let current = Config::load(None).expect("the built-in configuration");
        let mut wanted = current.clone();
        wanted.tenant_defaults.items_per_second = 1;
        wanted.queues.bulk.batch_items_max = 1;
        assert_eq!(fixed_changes(&current, &wanted), Vec::<&str>::new());
        wanted.listen.connections_max += 1;
        wanted.node.zone = "b".to_owned();
        assert_eq!(fixed_changes(&current, &wanted), ["node", "listen"]);
    }
}
