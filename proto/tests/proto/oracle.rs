//! Messages with arbitrary content, made and understood by prost-reflect.

use std::sync::LazyLock;

use crate::noise::Noise;
use prost::bytes::Bytes;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};

/// The descriptors of all messages.
pub static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(mesos_proto::DESCRIPTOR_SET).expect("the descriptors are sound")
});

/// Makes messages.
pub struct Maker {
    noise: Noise,
}

impl Maker {
    pub fn new(noise: Noise) -> Self {
        Self { noise }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.noise.next_u32() % 100 < percent
    }

    /// A message with all required fields and some of the others.
    pub fn message(&mut self, descriptor: &MessageDescriptor, depth: u32) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        if descriptor.full_name().starts_with("google.protobuf.") {
            // The oracle gives these a JSON form of their own, which not every content has.
            return message;
        }
        for field in descriptor.fields() {
            let required = field.cardinality() == prost_reflect::Cardinality::Required;
            let percent = if depth > 3 { 3 } else { 40 };
            if required || self.chance(percent) {
                let value = self.field(&field, depth);
                message.set_field(&field, value);
            }
        }
        message
    }

    fn field(&mut self, field: &FieldDescriptor, depth: u32) -> Value {
        if field.is_map() {
            let Kind::Message(entry) = field.kind() else {
                panic!("an entry is a message")
            };
            let value = entry.map_entry_value_field();
            let count = self.noise.next_u32() % 3 + 1;
            let entries = (0..count).map(|_| {
                (
                    MapKey::String(self.text()),
                    self.value(&value.kind(), depth),
                )
            });
            return Value::Map(entries.collect());
        }
        if field.is_list() {
            let count = self.noise.next_u32() % 3 + 1;
            return Value::List(
                (0..count)
                    .map(|_| self.value(&field.kind(), depth))
                    .collect(),
            );
        }
        self.value(&field.kind(), depth)
    }

    fn text(&mut self) -> String {
        const PIECES: [&str; 8] = ["a", "Zz", "\"", "\\", "\n", "\u{1}", "é☃😀", "/*"];
        (0..self.noise.next_u32() % 6)
            .map(|_| PIECES[self.pick(8)])
            .collect()
    }

    fn pick(&mut self, count: usize) -> usize {
        usize::try_from(self.noise.next_u32()).unwrap_or_default() % count
    }

    /// Small and large numbers alike.
    fn bits(&mut self) -> u64 {
        self.noise.next_u64() >> (self.noise.next_u32() % 64)
    }

    fn double(&mut self) -> f64 {
        match self.pick(4) {
            0 => f64::from(self.noise.next_u32()),
            1 => f64::from(self.noise.next_u32()) / 1000.0,
            2 => [
                0.0,
                -0.0,
                1e21,
                1e-7,
                f64::INFINITY,
                f64::MAX,
                f64::MIN_POSITIVE,
            ][self.pick(7)],
            _ => {
                let value = f64::from_bits(self.noise.next_u64());
                if value.is_nan() { -1.5 } else { value }
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
    fn value(&mut self, kind: &Kind, depth: u32) -> Value {
        match kind {
            Kind::Double => Value::F64(self.double()),
            Kind::Int32 => Value::I32((self.bits() as u32).cast_signed()),
            Kind::Int64 => Value::I64(self.noise.next_u64().cast_signed()),
            Kind::Uint32 => Value::U32(self.bits() as u32),
            Kind::Uint64 => Value::U64(self.bits()),
            Kind::Bool => Value::Bool(self.chance(50)),
            Kind::String => Value::String(self.text()),
            Kind::Bytes => {
                let mut bytes = vec![0; self.pick(700)];
                bytes.fill_with(|| self.noise.next_u64() as u8);
                Value::Bytes(Bytes::from(bytes))
            }
            Kind::Message(inner) => Value::Message(self.message(inner, depth + 1)),
            Kind::Enum(values) => {
                let count = values.values().len();
                let value = values.values().nth(self.pick(count)).expect("a value");
                Value::EnumNumber(value.number())
            }
            other => panic!("{other:?} does not occur"),
        }
    }
}
