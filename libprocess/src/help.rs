//! The pages that `/help` shows.
//!
//! Mirrors `3rdparty/libprocess/src/help.cpp`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::http::Help;

/// Actors whose routes have no pages.
const WITHOUT_PAGES: [&str; 2] = ["help", "__processes__"];

type Pages = BTreeMap<String, Option<String>>;

/// The help of every route by actor and name.
#[derive(Default)]
pub(crate) struct HelpPages {
    pages: Mutex<BTreeMap<String, Pages>>,
}

impl HelpPages {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Pages>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a route; the name has no slashes around it.
    pub(crate) fn add(&self, id: &str, name: &str, help: Help) {
        if WITHOUT_PAGES.contains(&id) {
            return;
        }
        let text = help.text().map(str::to_owned);
        self.lock()
            .entry(id.to_owned())
            .or_default()
            .insert(format!("/{name}"), text);
    }

    /// Forgets the routes of an actor, but not that it was there.
    pub(crate) fn ended(&self, id: &str) {
        if let Some(pages) = self.lock().get_mut(id) {
            pages.clear();
        }
    }

    /// All actors that ever had a route, and their pages.
    pub(crate) fn all(&self, delegate: Option<&str>) -> Vec<(String, Vec<(String, String)>)> {
        self.lock()
            .iter()
            .map(|(id, pages)| {
                let pages = pages
                    .iter()
                    .map(|(name, text)| (name.clone(), page(id, name, text.as_deref(), delegate)))
                    .collect();
                (id.clone(), pages)
            })
            .collect()
    }
}

impl fmt::Debug for HelpPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HelpPages").finish_non_exhaustive()
    }
}

fn page(id: &str, name: &str, text: Option<&str>, delegate: Option<&str>) -> String {
    let name = if name == "/" { "" } else { name };
    let Some(text) = text else {
        return format!("## No help page for `/{id}{name}`\n");
    };
    let mut page = String::from("### USAGE ###\n");
    if delegate == Some(id) {
        page.push_str(&format!(">        {name}\n"));
    }
    page.push_str(&format!(">        /{id}{name}\n\n"));
    page.push_str(text);
    page
}
