//! Watches the disk of the work directory: the fuller it is, the sooner old sandboxes go.

use libprocess::Context;

use super::AgentProcess;
use crate::gc::max_allowed_age;

impl AgentProcess {
    /// Plans the next look at the disk.
    pub(super) fn watch_disk(&mut self, ctx: &mut Context<Self>) {
        ctx.delay(self.flags.disk_watch_interval, |agent, ctx| {
            let directory = agent.work_dir.clone();
            ctx.perform_blocking(
                move || disk_usage(&directory),
                |agent, usage, ctx| {
                    match usage {
                        Ok(usage) => agent.on_disk_usage(usage),
                        Err(error) => tracing::error!(%error, "disk usage is unknown"),
                    }
                    agent.watch_disk(ctx);
                },
            );
        });
    }

    fn on_disk_usage(&mut self, usage: f64) {
        let headroom = self.flags.gc_disk_headroom;
        self.max_age = max_allowed_age(self.flags.gc_delay, headroom, usage);
        tracing::debug!(usage, max_age = ?self.max_age, "current disk usage");
        self.metrics.set_max_age(self.max_age);
        if let Some(parts) = &self.parts {
            parts
                .gc
                .prune(self.flags.gc_delay.saturating_sub(self.max_age));
        }
    }
}

/// The used share of the file system of a directory.
fn disk_usage(directory: &std::path::Path) -> nix::Result<f64> {
    let stat = nix::sys::statvfs::statvfs(directory)?;
    Ok(used_share(stat.blocks(), stat.blocks_free()))
}

fn used_share(total: u64, free: u64) -> f64 {
    if total == 0 {
        return 0.0;
    }
    let permille = total.saturating_sub(free).saturating_mul(100_000) / total;
    f64::from(u32::try_from(permille).unwrap_or(100_000)) / 100_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_full_disk_is_used_by_half() {
        assert!((used_share(1000, 500) - 0.5).abs() < 1e-9);
        assert!(used_share(0, 0).abs() < 1e-9);
    }
}
