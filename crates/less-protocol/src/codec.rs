//! Frames to bytes and back; the layout stands in the crate's header. Pure: no sockets, no clock.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::{Call, FromWorker, Input, Invoke, MAX_FRAME, Reply, Response, Service, ToWorker};

/// Bytes that are no frame of this version. The connection cannot go on after it.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes, outside 1 to {MAX_FRAME}")]
    Length(usize),
    #[error("an unknown frame type {0}")]
    Type(u8),
    #[error("a frame that ends early")]
    Short,
    #[error("text that is not UTF-8")]
    Utf8,
    #[error("JSON of another shape")]
    Json(#[source] serde_json::Error),
}

/// Cuts a stream of bytes into frames. Frames share the memory of the buffer they came in.
#[derive(Debug, Default)]
pub struct Decoder {
    pub buffer: BytesMut,
}

impl Decoder {
    /// The next whole frame (type and body), or `None` until more bytes have come.
    fn next_frame(&mut self) -> Result<Option<(u8, Bytes)>, FrameError> {
        let Some(head) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*head) as usize;
        if length == 0 || length > MAX_FRAME {
            return Err(FrameError::Length(length));
        }
        if self.buffer.len() < 4 + length {
            self.buffer.reserve(4 + length - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(4);
        let mut body = self.buffer.split_to(length).freeze();
        Ok(Some((body.get_u8(), body)))
    }

    /// Reads what a worker says. An error ends the connection.
    pub fn next_from_worker(&mut self) -> Result<Option<FromWorker>, FrameError> {
        self.next_frame()?.map(|(kind, body)| FromWorker::decode(kind, body)).transpose()
    }

    /// Reads what the server says (for tests and for workers written in Rust).
    pub fn next_to_worker(&mut self) -> Result<Option<ToWorker>, FrameError> {
        self.next_frame()?.map(|(kind, body)| ToWorker::decode(kind, body)).transpose()
    }
}

/// Writes one frame; its length is filled in once the body is known.
fn frame(out: &mut BytesMut, kind: u8, body: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u32_le(0);
    out.put_u8(kind);
    body(out);
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

fn put_json(out: &mut BytesMut, value: &impl serde::Serialize) {
    // Our own structs of strings and numbers: serde_json cannot fail on them.
    out.put_slice(&serde_json::to_vec(value).unwrap_or_default());
}

impl ToWorker {
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Load(load) => frame(out, 1, |out| put_json(out, load)),
            Self::Invoke(invoke) => frame(out, 2, |out| invoke.encode(out)),
            Self::Withdraw { id } => frame(out, 3, |out| out.put_u64_le(*id)),
            Self::Answer { call, result } => frame(out, 4, |out| {
                out.put_u64_le(*call);
                out.put_u8(u8::from(result.is_err()));
                match result {
                    Ok(json) => out.put_slice(json),
                    Err(error) => put_json(out, error),
                }
            }),
            Self::Ping { nonce } => frame(out, 5, |out| out.put_u64_le(*nonce)),
            Self::Stop => frame(out, 6, |_| {}),
        }
    }

    fn decode(kind: u8, body: Bytes) -> Result<Self, FrameError> {
        let mut body = Reader(body);
        Ok(match kind {
            1 => Self::Load(Box::new(body.json()?)),
            2 => Self::Invoke(Invoke::decode(body)?),
            3 => Self::Withdraw { id: body.u64()? },
            4 => {
                let call = body.u64()?;
                let result = if body.u8()? == 0 { Ok(body.rest()) } else { Err(body.json()?) };
                Self::Answer { call, result }
            }
            5 => Self::Ping { nonce: body.u64()? },
            6 => Self::Stop,
            other => return Err(FrameError::Type(other)),
        })
    }
}

impl Invoke {
    fn encode(&self, out: &mut BytesMut) {
        out.put_u64_le(self.id);
        out.put_u16_le(self.slot);
        out.put_u16_le(self.handler);
        let (kind, attempt, published_at, message, head, payload) = match &self.input {
            Input::Message { id, attempt, published_at, payload } => {
                (0, *attempt, *published_at, *id, &Bytes::new(), payload)
            }
            Input::Request { head, body } => (1, 1, 0, Uuid::nil(), head, body),
            Input::Call { payload } => (2, 1, 0, Uuid::nil(), &Bytes::new(), payload),
        };
        out.put_u8(kind);
        out.put_u32_le(attempt);
        out.put_u64_le(published_at);
        out.put_u64_le(self.deadline);
        out.put_u64_le(self.sent_at);
        for id in [self.invocation, self.trace, message] {
            out.put_slice(id.as_bytes());
        }
        out.put_u32_le(u32::try_from(head.len()).unwrap_or(u32::MAX));
        out.put_slice(head);
        out.put_slice(payload);
    }

    fn decode(mut body: Reader) -> Result<Self, FrameError> {
        let (id, slot, handler) = (body.u64()?, body.u16()?, body.u16()?);
        let (kind, attempt, published_at) = (body.u8()?, body.u32()?, body.u64()?);
        let (deadline, sent_at) = (body.u64()?, body.u64()?);
        let (invocation, trace, message) = (body.uuid()?, body.uuid()?, body.uuid()?);
        let head_length = body.u32()? as usize;
        let head = body.bytes(head_length)?;
        let input = match kind {
            0 => Input::Message { id: message, attempt, published_at, payload: body.rest() },
            1 => Input::Request { head, body: body.rest() },
            2 => Input::Call { payload: body.rest() },
            other => return Err(FrameError::Type(other)),
        };
        Ok(Self { id, slot, handler, invocation, trace, deadline, sent_at, input })
    }
}

impl FromWorker {
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Loaded(loaded) => frame(out, 65, |out| put_json(out, loaded)),
            Self::Reply { id, reply } => frame(out, 66, |out| {
                out.put_u64_le(*id);
                reply.encode(out);
            }),
            Self::Returned { id } => frame(out, 67, |out| out.put_u64_le(*id)),
            Self::Call(call) => frame(out, 68, |out| call.encode(out)),
            Self::Log { id, error, time, text } => frame(out, 69, |out| {
                out.put_u64_le(*id);
                out.put_u8(u8::from(*error));
                out.put_u64_le(*time);
                out.put_slice(text.as_bytes());
            }),
            Self::Pong { nonce } => frame(out, 70, |out| out.put_u64_le(*nonce)),
        }
    }

    fn decode(kind: u8, body: Bytes) -> Result<Self, FrameError> {
        let mut body = Reader(body);
        Ok(match kind {
            65 => Self::Loaded(body.json()?),
            66 => Self::Reply { id: body.u64()?, reply: Reply::decode(body)? },
            67 => Self::Returned { id: body.u64()? },
            68 => Self::Call(Call::decode(body)?),
            69 => {
                let (id, error, time) = (body.u64()?, body.u8()? != 0, body.u64()?);
                Self::Log { id, error, time, text: body.text_rest()? }
            }
            70 => Self::Pong { nonce: body.u64()? },
            other => return Err(FrameError::Type(other)),
        })
    }
}

impl Reply {
    fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Returned(body) => {
                out.put_u8(0);
                out.put_slice(body);
            }
            Self::Threw { thrown, retriable } => {
                out.put_u8(if *retriable { 1 } else { 2 });
                put_json(out, thrown);
            }
            Self::ResponseTooLarge(thrown) => {
                out.put_u8(3);
                put_json(out, thrown);
            }
        }
    }

    fn decode(mut body: Reader) -> Result<Self, FrameError> {
        Ok(match body.u8()? {
            0 => Self::Returned(body.rest()),
            status @ (1 | 2) => Self::Threw { thrown: body.json()?, retriable: status == 1 },
            3 => Self::ResponseTooLarge(body.json()?),
            other => return Err(FrameError::Type(other)),
        })
    }
}

impl Response {
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u16_le(self.status);
        out.put_u16_le(u16::try_from(self.headers.len()).unwrap_or(u16::MAX));
        for (name, value) in &self.headers {
            out.put_u16_le(u16::try_from(name.len()).unwrap_or(u16::MAX));
            out.put_slice(name.as_bytes());
            out.put_u32_le(u32::try_from(value.len()).unwrap_or(u32::MAX));
            out.put_slice(value.as_bytes());
        }
        out.put_slice(&self.body);
    }

    /// Reads the bytes of [`Reply::Returned`] of a request.
    pub fn decode(bytes: Bytes) -> Result<Self, FrameError> {
        let mut body = Reader(bytes);
        let (status, count) = (body.u16()?, body.u16()?);
        let mut headers = Vec::with_capacity(usize::from(count.min(64)));
        for _ in 0..count {
            let name_length = usize::from(body.u16()?);
            let name = body.text(name_length)?;
            let value_length = body.u32()? as usize;
            headers.push((name, body.text(value_length)?));
        }
        Ok(Self { status, headers, body: body.rest() })
    }
}

impl Call {
    fn encode(&self, out: &mut BytesMut) {
        out.put_u64_le(self.call);
        out.put_u64_le(self.id);
        let service = match self.service {
            Service::Publish => 1,
            Service::Function => 2,
            Service::Kvs => 3,
            Service::Sockets => 4,
            Service::Files => 5,
        };
        out.put_u8(service);
        out.put_u16_le(u16::try_from(self.target.len()).unwrap_or(u16::MAX));
        out.put_slice(self.target.as_bytes());
        out.put_u32_le(u32::try_from(self.options.len()).unwrap_or(u32::MAX));
        out.put_slice(&self.options);
        out.put_slice(&self.payload);
    }

    fn decode(mut body: Reader) -> Result<Self, FrameError> {
        let (call, id) = (body.u64()?, body.u64()?);
        let service = match body.u8()? {
            1 => Service::Publish,
            2 => Service::Function,
            3 => Service::Kvs,
            4 => Service::Sockets,
            5 => Service::Files,
            other => return Err(FrameError::Type(other)),
        };
        let target_length = usize::from(body.u16()?);
        let target = body.text(target_length)?;
        let options_length = body.u32()? as usize;
        let options = body.bytes(options_length)?;
        Ok(Self { call, id, service, target, options, payload: body.rest() })
    }
}

/// The rest of a frame's body; every read checks that enough is left.
struct Reader(Bytes);

impl Reader {
    fn bytes(&mut self, length: usize) -> Result<Bytes, FrameError> {
        if self.0.len() < length { Err(FrameError::Short) } else { Ok(self.0.split_to(length)) }
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let array = *self.0.first_chunk::<N>().ok_or(FrameError::Short)?;
        self.0.advance(N);
        Ok(array)
    }
    fn u8(&mut self) -> Result<u8, FrameError> {
        self.array().map(u8::from_le_bytes)
    }
    fn u16(&mut self) -> Result<u16, FrameError> {
        self.array().map(u16::from_le_bytes)
    }
    fn u32(&mut self) -> Result<u32, FrameError> {
        self.array().map(u32::from_le_bytes)
    }
    fn u64(&mut self) -> Result<u64, FrameError> {
        self.array().map(u64::from_le_bytes)
    }
    fn uuid(&mut self) -> Result<Uuid, FrameError> {
        self.array().map(Uuid::from_bytes)
    }
    fn text(&mut self, length: usize) -> Result<String, FrameError> {
        String::from_utf8(self.bytes(length)?.into()).map_err(|_| FrameError::Utf8)
    }
    fn text_rest(&mut self) -> Result<String, FrameError> {
        self.text(self.0.len())
    }
    fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, FrameError> {
        serde_json::from_slice(&self.0).map_err(FrameError::Json)
    }
    fn rest(self) -> Bytes {
        self.0
    }
}
