//! Frames between server and workers, from whoever sends them.
//!
//! Input: a byte of how (bit 0: what the server reads, else what a worker reads; bit 1: the rest is frames without
//! heads, each with two bytes of length, else a stream), a byte that chooses how the stream is cut, the rest.

use bytes::{BufMut, Bytes, BytesMut};
use less_protocol::{Decoder, FrameError, FromWorker, MAX_FRAME, Reply, Response, ToWorker};

use crate::input::Input;

/// What a buffer may hold beside one frame: it grows by doubling.
const GROWTH: usize = 2;

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let (how, cut) = (input.byte(), input.byte());
    let stream = if how & 2 == 0 { input.0.to_vec() } else { with_heads(input) };
    if how & 1 == 0 {
        same_however_cut(&stream, cut, Decoder::next_to_worker, |frame: &ToWorker, out| frame.encode(out));
    } else {
        let frames =
            same_however_cut(&stream, cut, Decoder::next_from_worker, |frame: &FromWorker, out| frame.encode(out));
        frames.into_iter().for_each(check_response);
    }
}

fn with_heads(mut input: Input<'_>) -> Vec<u8> {
    let mut stream = Vec::new();
    while !input.is_empty() {
        let body = input.part();
        stream.put_u32_le(u32::try_from(body.len()).expect("a part is short"));
        stream.put_slice(body);
    }
    stream
}

type Next<F> = fn(&mut Decoder) -> Result<Option<F>, FrameError>;

/// Frames do not depend on how the stream was cut, and each is what its own bytes say.
fn same_however_cut<F: PartialEq + std::fmt::Debug>(
    stream: &[u8],
    cut: u8,
    next: Next<F>,
    encode: impl Fn(&F, &mut BytesMut),
) -> Vec<F> {
    let (frames, ended) = decode(std::iter::once(stream), next);
    let (again, ended_again) = decode(Pieces { rest: stream, state: u32::from(cut) }, next);
    assert_eq!((&frames, ended.as_deref()), (&again, ended_again.as_deref()), "cut in other places");
    let mut encoded = BytesMut::new();
    frames.iter().for_each(|frame| encode(frame, &mut encoded));
    let (same, error) = decode(std::iter::once(&encoded[..]), next);
    assert_eq!((&frames, None), (&same, error), "encoded and read back");
    frames
}

fn decode<'s, F>(pieces: impl Iterator<Item = &'s [u8]>, next: Next<F>) -> (Vec<F>, Option<String>) {
    let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
    for piece in pieces {
        decoder.buffer.extend_from_slice(piece);
        loop {
            match next(&mut decoder) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error.to_string())),
            }
        }
        assert!(decoder.buffer.capacity() <= GROWTH * (4 + MAX_FRAME + piece.len()), "more room than a frame needs");
    }
    (frames, None)
}

/// Cuts a stream in places that depend on a number only.
struct Pieces<'s> {
    rest: &'s [u8],
    state: u32,
}

impl<'s> Iterator for Pieces<'s> {
    type Item = &'s [u8];

    fn next(&mut self) -> Option<&'s [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = 1 + (self.state >> 16) as usize % if self.state & 0x400 == 0 { 8 } else { 200 };
        let (piece, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        Some(piece)
    }
}

/// A request's response is read from a reply's body; what is read is all there was.
fn check_response(frame: FromWorker) {
    let FromWorker::Reply { reply: Reply::Returned(body), .. } = frame else { return };
    if let Ok(response) = Response::decode(body.clone()) {
        let mut encoded = BytesMut::new();
        response.encode(&mut encoded);
        assert_eq!(body, Bytes::from(encoded), "{response:?}");
    }
}
