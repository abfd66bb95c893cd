//! What holds for every frame, and for bytes that are none.

use bytes::{Bytes, BytesMut};
use less_protocol::{
    Call, CallError, Decoder, FrameError, FromWorker, HandlerKind, Input, Invoke, Limits, Load, LoadHandler,
    LoadProblem, Loaded, MAX_FRAME, Reply, Response, Service, Thrown, ToWorker,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

proptest! {
    #[test]
    fn what_the_server_writes_is_read_alike_however_the_stream_is_split(
        frames in vec(to_worker(), 0..6), pieces in pieces(),
    ) {
        let mut stream = BytesMut::new();
        frames.iter().for_each(|frame| frame.encode(&mut stream));
        prop_assert_eq!(read(&stream, &pieces, Decoder::next_to_worker).unwrap(), frames);
    }

    #[test]
    fn what_a_worker_writes_is_read_alike_however_the_stream_is_split(
        frames in vec(from_worker(), 0..6), pieces in pieces(),
    ) {
        let mut stream = BytesMut::new();
        frames.iter().for_each(|frame| frame.encode(&mut stream));
        prop_assert_eq!(read(&stream, &pieces, Decoder::next_from_worker).unwrap(), frames);
    }

    #[test]
    fn a_response_is_read_as_it_was_written(response in response()) {
        let mut bytes = BytesMut::new();
        response.encode(&mut bytes);
        prop_assert_eq!(Response::decode(bytes.freeze()).unwrap(), response);
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_read_never_a_panic(bytes in vec(any::<u8>(), 0..300), pieces in pieces()) {
        drop(read(&bytes, &pieces, Decoder::next_to_worker));
        drop(read(&bytes, &pieces, Decoder::next_from_worker));
        drop(Response::decode(Bytes::from(bytes)));
    }

    #[test]
    fn arbitrary_bytes_in_a_frame_of_a_known_type_never_panic(kind in 0..80u8, body in vec(any::<u8>(), 0..300)) {
        let mut stream = u32::try_from(body.len() + 1).unwrap().to_le_bytes().to_vec();
        stream.push(kind);
        stream.extend(body);
        drop(read(&stream, &[], Decoder::next_to_worker));
        drop(read(&stream, &[], Decoder::next_from_worker));
    }

    #[test]
    fn a_frame_with_one_byte_changed_or_its_end_missing_never_panics(
        frame in from_worker(), to in to_worker(), place in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut stream = BytesMut::new();
        frame.encode(&mut stream);
        to.encode(&mut stream);
        let place = place.index(stream.len());
        stream[place] = byte;
        drop(read(&stream, &[], Decoder::next_from_worker));
        drop(read(&stream, &[], Decoder::next_to_worker));
        drop(read(&stream[..place], &[], Decoder::next_from_worker));
    }
}

#[test]
fn a_length_of_zero_or_beyond_the_longest_frame_is_refused_before_its_body_comes() {
    for length in [0, MAX_FRAME + 1, u32::MAX as usize] {
        let head = u32::try_from(length).unwrap().to_le_bytes();
        let mut decoder = Decoder { buffer: BytesMut::from(&head[..]) };
        assert!(matches!(decoder.next_from_worker(), Err(FrameError::Length(found)) if found == length));
    }
}

#[test]
fn a_type_of_the_other_direction_is_refused() {
    let mut decoder = Decoder::default();
    ToWorker::Stop.encode(&mut decoder.buffer);
    assert!(matches!(decoder.next_from_worker(), Err(FrameError::Type(6))));
    FromWorker::Pong { nonce: 1 }.encode(&mut decoder.buffer);
    assert!(matches!(decoder.next_to_worker(), Err(FrameError::Type(70))));
}

/// Gives a decoder the stream in these pieces, then the rest at once; all the frames it reads.
fn read<T>(
    stream: &[u8],
    pieces: &[usize],
    next: impl Fn(&mut Decoder) -> Result<Option<T>, FrameError>,
) -> Result<Vec<T>, FrameError> {
    let mut decoder = Decoder::default();
    let mut frames = Vec::new();
    let mut rest = stream;
    for piece in pieces.iter().copied().chain([usize::MAX]) {
        let (now, later) = rest.split_at(piece.min(rest.len()));
        decoder.buffer.extend_from_slice(now);
        rest = later;
        while let Some(frame) = next(&mut decoder)? {
            frames.push(frame);
        }
    }
    Ok(frames)
}

/// Short pieces, so that every border falls somewhere.
fn pieces() -> impl Strategy<Value = Vec<usize>> {
    vec(0..40usize, 0..40)
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..200).prop_map(Bytes::from)
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..30).prop_map(String::from_iter)
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn to_worker() -> impl Strategy<Value = ToWorker> {
    prop_oneof![
        load().prop_map(|load| ToWorker::Load(Box::new(load))),
        invoke().prop_map(ToWorker::Invoke),
        any::<u64>().prop_map(|id| ToWorker::Withdraw { id }),
        (any::<u64>(), bytes()).prop_map(|(call, json)| ToWorker::Answer { call, result: Ok(json) }),
        (any::<u64>(), text(), text(), option::of(text())).prop_map(|(call, code, message, name)| ToWorker::Answer {
            call,
            result: Err(CallError { code, message, name })
        }),
        any::<u64>().prop_map(|nonce| ToWorker::Ping { nonce }),
        Just(ToWorker::Stop),
    ]
}

fn load() -> impl Strategy<Value = Load> {
    use HandlerKind::{Cron, Function, Route, Socket, Subscriber};
    let kind = proptest::sample::select(vec![Route, Subscriber, Cron, Function, Socket]);
    let handler = (text(), text(), option::of(text()), kind).prop_map(|(path, file, source, kind)| LoadHandler {
        path,
        file,
        source,
        kind,
    });
    let limits = any::<[u64; 8]>().prop_map(
        |[
            message_bytes,
            socket_message_bytes,
            response_bytes,
            value_bytes,
            key_bytes,
            log_lines,
            log_bytes,
            log_line_bytes,
        ]| Limits {
            message_bytes,
            socket_message_bytes,
            response_bytes,
            value_bytes,
            key_bytes,
            log_lines,
            log_bytes,
            log_line_bytes,
        },
    );
    let names = || vec(text(), 0..4);
    (any::<u32>(), text(), text(), vec(handler, 0..4), names(), names(), names(), limits).prop_map(
        |(version, project, root, handlers, topics, functions, sockets, limits)| Load {
            version,
            project,
            root,
            handlers,
            topics,
            functions,
            sockets,
            limits,
        },
    )
}

fn invoke() -> impl Strategy<Value = Invoke> {
    let message = (uuid(), any::<u32>(), any::<u64>(), bytes())
        .prop_map(|(id, attempt, published_at, payload)| Input::Message { id, attempt, published_at, payload });
    let request = (bytes(), bytes()).prop_map(|(head, body)| Input::Request { head, body });
    let call = bytes().prop_map(|payload| Input::Call { payload });
    let ids = (any::<u64>(), any::<u16>(), any::<u16>(), uuid(), uuid());
    (ids, any::<u64>(), any::<u64>(), prop_oneof![message, request, call]).prop_map(
        |((id, slot, handler, invocation, trace), deadline, sent_at, input)| Invoke {
            id,
            slot,
            handler,
            invocation,
            trace,
            deadline,
            sent_at,
            input,
        },
    )
}

fn from_worker() -> impl Strategy<Value = FromWorker> {
    let problem = (text(), text()).prop_map(|(file, message)| LoadProblem { file, message });
    prop_oneof![
        (vec(problem, 0..4), vec(any::<u16>(), 0..4))
            .prop_map(|(problems, exclusive)| FromWorker::Loaded(Loaded { problems, exclusive })),
        (any::<u64>(), reply()).prop_map(|(id, reply)| FromWorker::Reply { id, reply }),
        any::<u64>().prop_map(|id| FromWorker::Returned { id }),
        call().prop_map(FromWorker::Call),
        (any::<u64>(), any::<bool>(), any::<u64>(), text()).prop_map(|(id, error, time, text)| FromWorker::Log {
            id,
            error,
            time,
            text
        }),
        any::<u64>().prop_map(|nonce| FromWorker::Pong { nonce }),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let thrown = || (text(), text(), text()).prop_map(|(name, message, stack)| Thrown { name, message, stack });
    prop_oneof![
        bytes().prop_map(Reply::Returned),
        (thrown(), any::<bool>()).prop_map(|(thrown, retriable)| Reply::Threw { thrown, retriable }),
        thrown().prop_map(Reply::ResponseTooLarge),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let services = vec![Service::Publish, Service::Function, Service::Kvs, Service::Sockets, Service::Files];
    let service = proptest::sample::select(services);
    (any::<u64>(), any::<u64>(), service, text(), bytes(), bytes())
        .prop_map(|(call, id, service, target, options, payload)| Call { call, id, service, target, options, payload })
}

fn response() -> impl Strategy<Value = Response> {
    (any::<u16>(), vec((text(), text()), 0..5), bytes()).prop_map(|(status, headers, body)| Response {
        status,
        headers,
        body,
    })
}
