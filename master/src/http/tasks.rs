//! `/tasks`.

use std::sync::Arc;

use libprocess::http::{Request, Response};
use mesos_proto_codec::Dialect;
use mesos_proto_codec::json::JsonWriter;

use super::model;
use super::shared::Render;
use crate::constants::TASK_LIMIT;
use crate::master::MasterProcess;
use crate::state::frameworks::FrameworksView;
use crate::state::task::Task;

/// Which tasks a client wants to see.
#[derive(Clone, Debug)]
struct Selection {
    framework_id: Option<String>,
    task_id: Option<String>,
    limit: usize,
    offset: usize,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    OldestFirst,
    NewestFirst,
}

/// A number from a query; a negative one means no limit, as it did when it was cast.
fn number(text: Option<&str>, otherwise: usize) -> usize {
    match text.and_then(|text| text.parse::<i32>().ok()) {
        Some(number) => usize::try_from(number).unwrap_or(usize::MAX),
        None => otherwise,
    }
}

impl Selection {
    fn of(request: &Request) -> Self {
        let text = |name: &str| request.query.get(name).map(str::to_owned);
        Self {
            framework_id: text("framework_id"),
            task_id: text("task_id"),
            limit: number(request.query.get("limit"), TASK_LIMIT),
            offset: number(request.query.get("offset"), 0),
            order: if request.query.get("order") == Some("asc") {
                Order::OldestFirst
            } else {
                Order::NewestFirst
            },
        }
    }

    fn select<'a>(&self, view: &'a FrameworksView) -> Vec<&'a Arc<Task>> {
        let wanted = |wanted: &Option<String>, id: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.as_str() == id)
        };
        let mut tasks: Vec<&Arc<Task>> = view
            .registered
            .iter()
            .chain(&view.completed)
            .filter(|framework| wanted(&self.framework_id, framework.id().as_str()))
            .flat_map(|framework| {
                framework
                    .tasks()
                    .values()
                    .chain(framework.unreachable_tasks().values())
                    .chain(framework.completed_tasks().iter())
                    .filter(|task| view.may_see_task(task, framework))
            })
            .filter(|task| wanted(&self.task_id, task.id().as_str()))
            .collect();
        let first = |task: &Arc<Task>| task.info().statuses.first().map(|one| one.timestamp());
        tasks.sort_by(|a, b| {
            let ascending = first(a)
                .partial_cmp(&first(b))
                .unwrap_or(std::cmp::Ordering::Equal);
            match self.order {
                Order::OldestFirst => ascending,
                Order::NewestFirst => ascending.reverse(),
            }
        });
        tasks
            .into_iter()
            .skip(self.offset)
            .take(self.limit)
            .collect()
    }
}

impl MasterProcess {
    /// Answers `/tasks`.
    pub(crate) fn tasks(&self, request: &Request) -> Render {
        let view = self.frameworks_view(&self.approvers(request.principal.as_ref()));
        let selection = Selection::of(request);
        let jsonp = super::jsonp(request);
        Box::new(move || {
            let tasks = selection.select(&view);
            let mut w = JsonWriter::new(Dialect::V0);
            w.object(|w| {
                w.field_with("tasks", |w| {
                    w.array(|w| tasks.iter().for_each(|task| model::task(w, task)));
                });
            });
            Response::ok_json(w.into_vec(), jsonp.as_deref())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn negative_limit_means_no_limit() {
        assert_eq!(number(Some("-1"), 100), usize::MAX);
        assert_eq!(number(Some("x"), 100), 100);
        assert_eq!(number(Some("7"), 100), 7);
    }
}
