//! Messages and enums as the generator sees them.

use std::collections::{BTreeMap, HashMap};

use prost_types::field_descriptor_proto::{Label as RawLabel, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet,
};

use crate::{GenerateError, names};

/// All messages and enums, by full name.
#[derive(Debug, Default)]
pub struct Schema {
    /// Messages; map entries are not among them.
    pub messages: BTreeMap<String, Message>,
    /// Enums.
    pub enums: BTreeMap<String, Enum>,
    /// From the full name of a v0 message or enum to that of the v1 twin it shares a type with.
    pub twins: HashMap<String, String>,
}

/// Where a type goes and what is said about it.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Modules from the crate root.
    pub path: Vec<String>,
    /// Name of the Rust type.
    pub name: String,
    /// Name in the `.proto` file.
    pub proto_name: String,
    /// Full name on the wire; for a pair, that of v0.
    pub wire_name: String,
    /// Comment in the `.proto` file.
    pub comment: String,
}

/// A message.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// Where it goes.
    pub place: Place,
    /// Fields in the order of declaration.
    pub fields: Vec<Field>,
}

/// A field.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Name in the `.proto` file, in v1 spelling for a pair.
    pub name: String,
    /// Name in v0, the same where v0 is not different.
    pub name_v0: String,
    /// Number.
    pub number: u32,
    /// How often it occurs.
    pub label: Label,
    /// What it holds.
    pub kind: Kind,
    /// Declared default.
    pub default: Option<String>,
    /// Marked as deprecated.
    pub deprecated: bool,
    /// Index of the oneof it belongs to.
    pub oneof: Option<i32>,
    /// Which JSON dialects have it.
    pub spoken: Spoken,
    /// Comment in the `.proto` file.
    pub comment: String,
}

/// Which JSON dialects have a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// Both.
    Both,
    /// Only v0.
    V0,
}

/// How often a field occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// At most once, with presence.
    Optional,
    /// Once.
    Required,
    /// At most once; the empty value is not sent (proto3).
    Implicit,
    /// Any number of times.
    Repeated,
    /// Any number of times, numbers behind one key (proto3).
    Packed,
    /// One entry per key; keys are strings.
    Map,
}

impl Label {
    /// Whether the field holds one value at most.
    #[must_use]
    pub fn is_singular(self) -> bool {
        match self {
            Self::Optional | Self::Required | Self::Implicit => true,
            Self::Repeated | Self::Packed | Self::Map => false,
        }
    }
}

/// What a field holds; for a map, what its values are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number or boolean: the name of the Rust type.
    Scalar(&'static str),
    /// `string`.
    String,
    /// `bytes`.
    Bytes,
    /// An enum, by full name; `closed` as in proto2, where unknown numbers are set aside.
    Enum {
        /// Full name.
        name: String,
        /// Whether unknown numbers are set aside.
        closed: bool,
    },
    /// A message, by full name.
    Message(String),
}

/// An enum.
#[derive(Clone, Debug, Default)]
pub struct Enum {
    /// Where it goes.
    pub place: Place,
    /// Values in the order of declaration.
    pub values: Vec<EnumValue>,
}

/// One value of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumValue {
    /// Name, in v1 spelling for a pair; empty when v1 lacks it.
    pub name: String,
    /// Name in v0; empty when v0 lacks it.
    pub name_v0: String,
    /// Number.
    pub number: i32,
}

impl Schema {
    /// Reads descriptors.
    ///
    /// # Errors
    /// [`GenerateError::Unsupported`] for groups, maps whose keys are not strings, and the like.
    pub fn from_descriptors(set: &FileDescriptorSet) -> Result<Self, GenerateError> {
        let mut schema = Self::default();
        for file in &set.file {
            if file.name() != "google/protobuf/descriptor.proto" {
                Reader::new(file, &mut schema).file(file)?;
            }
        }
        Ok(schema)
    }

    /// Resolves the name of a message or enum to that of the type that stands for it.
    #[must_use]
    pub fn canonical<'a>(&'a self, name: &'a str) -> &'a str {
        self.twins.get(name).map_or(name, String::as_str)
    }
}

struct Reader<'a> {
    schema: &'a mut Schema,
    file: &'a str,
    proto3: bool,
    comments: HashMap<Vec<i32>, String>,
}

/// The prefix of full names, the Rust modules, and the location in the file.
#[derive(Clone)]
struct Scope {
    prefix: String,
    path: Vec<String>,
    location: Vec<i32>,
}

impl Scope {
    fn within(&self, name: &str, location: Vec<i32>) -> Self {
        let mut path = self.path.clone();
        path.push(names::module_name(name));
        Self {
            prefix: format!("{}{name}.", self.prefix),
            path,
            location,
        }
    }

    fn at(&self, list: i32, index: usize) -> Vec<i32> {
        let mut location = self.location.clone();
        location.extend([list, i32::try_from(index).unwrap_or(i32::MAX)]);
        location
    }
}

impl<'a> Reader<'a> {
    fn new(file: &'a FileDescriptorProto, schema: &'a mut Schema) -> Self {
        let locations = file.source_code_info.iter().flat_map(|info| &info.location);
        let comments = locations
            .filter(|location| !location.leading_comments().trim().is_empty())
            .map(|location| {
                (
                    location.path.clone(),
                    location.leading_comments().to_owned(),
                )
            })
            .collect();
        Self {
            schema,
            file: file.name(),
            proto3: file.syntax() == "proto3",
            comments,
        }
    }

    fn comment(&self, location: &[i32]) -> String {
        self.comments.get(location).cloned().unwrap_or_default()
    }

    fn file(&mut self, file: &FileDescriptorProto) -> Result<(), GenerateError> {
        let package = file.package();
        let prefix = if package.is_empty() {
            String::new()
        } else {
            format!("{package}.")
        };
        let path = names::package_path(package, self.file);
        let scope = Scope {
            prefix,
            path,
            location: Vec::new(),
        };
        for (index, message) in file.message_type.iter().enumerate() {
            self.message(message, &scope, scope.at(4, index))?;
        }
        for (index, entry) in file.enum_type.iter().enumerate() {
            self.enumeration(entry, &scope, &scope.at(5, index));
        }
        Ok(())
    }

    fn place(&self, name: &str, scope: &Scope, location: &[i32]) -> Place {
        Place {
            path: scope.path.clone(),
            name: names::type_name(name),
            proto_name: name.to_owned(),
            wire_name: format!("{}{name}", scope.prefix),
            comment: self.comment(location),
        }
    }

    fn message(
        &mut self,
        message: &DescriptorProto,
        scope: &Scope,
        location: Vec<i32>,
    ) -> Result<(), GenerateError> {
        let place = self.place(message.name(), scope, &location);
        let inner = scope.within(message.name(), location);
        let mut fields = Vec::new();
        for (index, field) in message.field.iter().enumerate() {
            let comment = self.comment(&inner.at(2, index));
            fields.push(self.field(field, message, comment)?);
        }
        for (index, nested) in message.nested_type.iter().enumerate() {
            if !nested
                .options
                .as_ref()
                .is_some_and(|options| options.map_entry())
            {
                self.message(nested, &inner, inner.at(3, index))?;
            }
        }
        for (index, entry) in message.enum_type.iter().enumerate() {
            self.enumeration(entry, &inner, &inner.at(4, index));
        }
        self.schema
            .messages
            .insert(place.wire_name.clone(), Message { place, fields });
        Ok(())
    }

    fn field(
        &self,
        field: &FieldDescriptorProto,
        message: &DescriptorProto,
        comment: String,
    ) -> Result<Field, GenerateError> {
        let unsupported = |what: &str| GenerateError::Unsupported {
            what: format!("{}.{}: {what}", message.name(), field.name()),
        };
        let (label, kind) = match self.map_value(field, message) {
            Some([key, value]) => {
                if key.r#type() != Type::String {
                    return Err(unsupported("a map key that is no string"));
                }
                (Label::Map, self.kind(value))
            }
            None => (self.label(field), self.kind(field)),
        };
        Ok(Field {
            name: field.name().to_owned(),
            name_v0: field.name().to_owned(),
            number: u32::try_from(field.number()).unwrap_or_default(),
            label,
            kind: kind.ok_or_else(|| unsupported("this kind of field"))?,
            default: field.default_value.clone(),
            deprecated: field
                .options
                .as_ref()
                .is_some_and(|options| options.deprecated()),
            oneof: field.oneof_index.filter(|_| !field.proto3_optional()),
            spoken: Spoken::Both,
            comment,
        })
    }

    /// Key and value of the entry, when the field is a map.
    fn map_value<'m>(
        &self,
        field: &FieldDescriptorProto,
        message: &'m DescriptorProto,
    ) -> Option<&'m [FieldDescriptorProto; 2]> {
        let name = field.type_name().rsplit('.').next()?;
        let is_entry = |nested: &&DescriptorProto| {
            nested.name() == name
                && nested
                    .options
                    .as_ref()
                    .is_some_and(|options| options.map_entry())
        };
        let entry = message.nested_type.iter().find(is_entry)?;
        entry.field.as_slice().try_into().ok()
    }

    fn label(&self, field: &FieldDescriptorProto) -> Label {
        let number = !matches!(
            field.r#type(),
            Type::String | Type::Bytes | Type::Message | Type::Group
        );
        match field.label() {
            RawLabel::Required => Label::Required,
            RawLabel::Repeated if self.proto3 && number => Label::Packed,
            RawLabel::Repeated => Label::Repeated,
            RawLabel::Optional => {
                let explicit = field.oneof_index.is_some() || field.r#type() == Type::Message;
                if self.proto3 && !explicit {
                    Label::Implicit
                } else {
                    Label::Optional
                }
            }
        }
    }

    fn kind(&self, field: &FieldDescriptorProto) -> Option<Kind> {
        let name = || field.type_name().trim_start_matches('.').to_owned();
        Some(match field.r#type() {
            Type::Double => Kind::Scalar("f64"),
            Type::Float => Kind::Scalar("f32"),
            Type::Int64 => Kind::Scalar("i64"),
            Type::Uint64 => Kind::Scalar("u64"),
            Type::Int32 => Kind::Scalar("i32"),
            Type::Uint32 => Kind::Scalar("u32"),
            Type::Bool => Kind::Scalar("bool"),
            Type::String => Kind::String,
            Type::Bytes => Kind::Bytes,
            Type::Enum => Kind::Enum {
                name: name(),
                closed: !self.proto3,
            },
            Type::Message => Kind::Message(name()),
            Type::Group
            | Type::Fixed64
            | Type::Fixed32
            | Type::Sfixed32
            | Type::Sfixed64
            | Type::Sint32
            | Type::Sint64 => return None,
        })
    }

    fn enumeration(&mut self, entry: &EnumDescriptorProto, scope: &Scope, location: &[i32]) {
        let place = self.place(entry.name(), scope, location);
        let values = entry.value.iter().map(|value| EnumValue {
            name: value.name().to_owned(),
            name_v0: value.name().to_owned(),
            number: value.number(),
        });
        let values = values.collect();
        self.schema
            .enums
            .insert(place.wire_name.clone(), Enum { place, values });
    }
}
