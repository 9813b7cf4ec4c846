//! The pages that `/help` shows.
//!
//! Mirrors `3rdparty/libprocess/src/help.cpp`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::http::Help;

/// Actors whose routes have no pages.
const WITHOUT_PAGES: [&str; 2] = ["help", "__processes__"];

#[derive(Default)]
struct State {
    delegate: Option<String>,
    /// The Markdown of every route, by actor and by name with a leading slash.
    pages: BTreeMap<String, BTreeMap<String, String>>,
    /// Every actor that ever had a route.
    known: BTreeSet<String>,
}

/// What there is for an id or a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No actor of this id ever had a route.
    Unknown,
    /// It had, but there is no such page now.
    Nothing,
    /// The Markdown.
    Page(String),
}

/// The help of every route by actor and name.
#[derive(Default)]
pub(crate) struct HelpPages {
    state: Mutex<State>,
}

impl HelpPages {
    pub(crate) fn new(delegate: Option<&str>) -> Self {
        let state = State {
            delegate: delegate.map(str::to_owned),
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a route; the name has no slashes around it.
    pub(crate) fn add(&self, id: &str, name: &str, help: Help) {
        if WITHOUT_PAGES.contains(&id) {
            return;
        }
        let mut state = self.lock();
        let page = page(id, name, help.into_text(), state.delegate.as_deref());
        state.known.insert(id.to_owned());
        state
            .pages
            .entry(id.to_owned())
            .or_default()
            .insert(format!("/{name}"), page);
    }

    /// Forgets the routes of an actor, but not that it was there.
    pub(crate) fn ended(&self, id: &str) {
        self.lock().pages.remove(id);
    }

    /// The list of all actors with routes.
    pub(crate) fn list(&self) -> String {
        let state = self.lock();
        let lines: String = state
            .pages
            .keys()
            .map(|id| format!("> [/{id}][{id}]\n"))
            .collect();
        let links: String = state
            .pages
            .keys()
            .map(|id| format!("[{id}]: help/{id}\n"))
            .collect();
        format!("## HELP\n{lines}\n{links}")
    }

    /// The list of an actor's routes.
    pub(crate) fn list_of(&self, id: &str) -> Found {
        let state = self.lock();
        if !state.known.contains(id) {
            return Found::Unknown;
        }
        let Some(pages) = state.pages.get(id) else {
            return Found::Nothing;
        };
        let paths = || {
            pages
                .keys()
                .map(|name| format!("{id}{}", name.trim_end_matches('/')))
        };
        let lines: String = paths()
            .map(|path| format!("> [/{path}][{path}]\n"))
            .collect();
        let links: String = paths().map(|path| format!("[{path}]: {path}\n")).collect();
        Found::Page(format!("## `/{id}` ##\n{lines}\n{links}"))
    }

    /// The page of a route.
    pub(crate) fn page(&self, id: &str, name: &str) -> Found {
        let state = self.lock();
        if !state.known.contains(id) {
            return Found::Unknown;
        }
        let page = state
            .pages
            .get(id)
            .and_then(|pages| pages.get(&format!("/{name}")));
        page.map_or(Found::Nothing, |page| Found::Page(format!("{page}\n")))
    }

    /// All pages, as `/help?format=json` has them.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let state = self.lock();
        let processes: Vec<serde_json::Value> = state
            .pages
            .iter()
            .map(|(id, pages)| {
                let endpoints: Vec<serde_json::Value> = pages
                    .iter()
                    .map(|(name, text)| serde_json::json!({ "name": name, "text": text }))
                    .collect();
                serde_json::json!({ "endpoints": endpoints, "id": id })
            })
            .collect();
        serde_json::json!({ "processes": processes })
    }
}

impl fmt::Debug for HelpPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HelpPages").finish_non_exhaustive()
    }
}

fn page(id: &str, name: &str, text: Option<String>, delegate: Option<&str>) -> String {
    let path = if name.is_empty() {
        format!("/{id}")
    } else {
        format!("/{id}/{name}")
    };
    let Some(text) = text else {
        return format!("## No help page for `{path}`\n");
    };
    let mut page = String::from("### USAGE ###\n");
    if delegate == Some(id) {
        page.push_str(&format!(">        /{name}\n"));
    }
    page.push_str(&format!(">        {path}\n\n"));
    page.push_str(&text);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mirrors: HTTPTest.EndpointsHelp
    #[test]
    fn pages_name_both_paths_of_a_delegate() {
        let pages = HelpPages::new(Some("master"));
        pages.add("master", "state", Help::new("Information.", &["More."]));
        pages.add("master", "bare", Help::none());

        assert_eq!(
            pages.page("master", "state"),
            Found::Page("### USAGE ###\n>        /state\n>        /master/state\n\n### TL;DR; ###\nInformation.\n\n### DESCRIPTION ###\nMore.\n\n".to_owned())
        );
        assert_eq!(
            pages.page("master", "bare"),
            Found::Page("## No help page for `/master/bare`\n\n".to_owned())
        );
        assert_eq!(
            pages.list(),
            "## HELP\n> [/master][master]\n\n[master]: help/master\n"
        );
        assert_eq!(
            pages.list_of("master"),
            Found::Page("## `/master` ##\n> [/master/bare][master/bare]\n> [/master/state][master/state]\n\n[master/bare]: master/bare\n[master/state]: master/state\n".to_owned())
        );
    }

    /// Mirrors: HTTPTest.EndpointsHelpRemoval
    #[test]
    fn an_actor_that_ended_is_known_but_has_no_pages() {
        let pages = HelpPages::default();
        pages.add("a", "x", Help::none());

        pages.ended("a");

        assert_eq!(pages.list(), "## HELP\n\n");
        assert_eq!(pages.list_of("a"), Found::Nothing);
        assert_eq!(pages.page("a", "x"), Found::Nothing);
        assert_eq!(pages.list_of("b"), Found::Unknown);
    }
}
