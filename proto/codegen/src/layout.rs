//! Which message fields are boxed.
//!
//! A message lies inside its parent when it is small and cannot contain the parent; else it is
//! boxed, so that a field that is rarely set costs one pointer.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Field, Kind, Label, Schema};

/// Largest message that lies inside its parent, in bytes.
const INLINE_UP_TO: usize = 64;

/// Sizes and containment of all messages.
#[derive(Debug)]
pub struct Layout {
    sizes: BTreeMap<String, usize>,
    reach: BTreeMap<String, BTreeSet<String>>,
}

impl Layout {
    /// Computes the layout of all messages.
    #[must_use]
    pub fn of(schema: &Schema) -> Self {
        let mut layout = Self {
            sizes: BTreeMap::new(),
            reach: BTreeMap::new(),
        };
        for name in schema.messages.keys() {
            let mut reached = BTreeSet::new();
            reach(schema, name, &mut reached);
            layout.reach.insert(name.clone(), reached);
        }
        for name in schema.messages.keys() {
            layout.size(schema, name);
        }
        layout
    }

    /// Whether the field `Option<Box<…>>` is used for messages of type `inner` in `outer`.
    #[must_use]
    pub fn is_boxed(&self, schema: &Schema, outer: &str, inner: &str) -> bool {
        let inner = schema.canonical(inner);
        let circular = inner == outer
            || self
                .reach
                .get(inner)
                .is_some_and(|reached| reached.contains(outer));
        circular
            || self
                .sizes
                .get(inner)
                .is_none_or(|size| *size > INLINE_UP_TO)
    }

    fn size(&mut self, schema: &Schema, name: &str) -> usize {
        if let Some(size) = self.sizes.get(name) {
            return *size;
        }
        let Some(message) = schema.messages.get(name) else {
            return 0;
        };
        let mut size = size_of::<usize>();
        for field in &message.fields {
            size += self.field_size(schema, name, field);
        }
        let size = size.next_multiple_of(8);
        self.sizes.insert(name.to_owned(), size);
        size
    }

    fn field_size(&mut self, schema: &Schema, outer: &str, field: &Field) -> usize {
        match (field.label, &field.kind) {
            (Label::Repeated | Label::Packed | Label::Map, _) | (_, Kind::String) => 24,
            (_, Kind::Bytes) => 32,
            (_, Kind::Scalar("bool")) => 1,
            (_, Kind::Scalar("f64" | "i64" | "u64")) => 16,
            (_, Kind::Scalar(_) | Kind::Enum { .. }) => 8,
            (_, Kind::Message(inner)) => {
                let inner = schema.canonical(inner).to_owned();
                let circular = inner == outer
                    || self
                        .reach
                        .get(&inner)
                        .is_some_and(|reached| reached.contains(outer));
                if circular {
                    return 8;
                }
                let size = self.size(schema, &inner);
                if size > INLINE_UP_TO { 8 } else { size + 8 }
            }
        }
    }
}

/// Adds every message that `name` can contain.
fn reach(schema: &Schema, name: &str, reached: &mut BTreeSet<String>) {
    let Some(message) = schema.messages.get(name) else {
        return;
    };
    for field in &message.fields {
        if let Kind::Message(inner) = &field.kind {
            let inner = schema.canonical(inner);
            if reached.insert(inner.to_owned()) {
                reach(schema, inner, reached);
            }
        }
    }
}
