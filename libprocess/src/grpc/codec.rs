//! How messages of calls become bytes.

use std::marker::PhantomData;

use bytes::{Buf, BufMut, Bytes};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Passes messages on as the bytes they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct BytesCodec;

impl Codec for BytesCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.reserve(item.len());
        out.put(item);
        Ok(())
    }
}

impl Decoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(bytes.copy_to_bytes(bytes.remaining())))
    }
}

/// Encodes and decodes protobuf messages.
#[derive(Debug)]
pub struct MessageCodec<E, D> {
    kinds: PhantomData<fn(E) -> D>,
}

impl<E, D> Default for MessageCodec<E, D> {
    fn default() -> Self {
        Self { kinds: PhantomData }
    }
}

impl<E, D> Codec for MessageCodec<E, D>
where
    E: prost::Message + 'static,
    D: prost::Message + Default + 'static,
{
    type Encode = E;
    type Decode = D;
    type Encoder = MessageCodec<E, ()>;
    type Decoder = MessageCodec<(), D>;

    fn encoder(&mut self) -> Self::Encoder {
        MessageCodec::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        MessageCodec::default()
    }
}

impl<E: prost::Message> Encoder for MessageCodec<E, ()> {
    type Item = E;
    type Error = Status;

    fn encode(&mut self, item: E, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(out)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl<D: prost::Message + Default> Decoder for MessageCodec<(), D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        D::decode(bytes)
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
