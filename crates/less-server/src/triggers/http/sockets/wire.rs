//! The frames of one connection, both ways, on one task: what waits is sent as fast as the client takes it, and what the
//! client sends is read as there is room for it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_websockets::{CloseCode, Error, Limits, Message, ServerBuilder, WebSocketStream};

use super::outbox::{End, Outbox};
use crate::limits;

pub(super) struct Wire<S> {
    /// Until both sides have said good-bye, or the client is gone.
    stream: Option<WebSocketStream<S>>,
    /// A frame was refused, and more of it may come.
    refused: bool,
    /// Where it comes from then on, until the client has closed its side.
    rest: Option<S>,
    /// We say good-bye: `last` is to be sent after what waits, or has been.
    closing: bool,
    last: Option<Message>,
}

/// What a client did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Text(Bytes),
    Binary,
    /// It answered a ping, or sent one, which is answered already.
    Alive,
    /// A frame beyond all bounds.
    TooLong,
    /// It does not read: more waits for it than may.
    TooSlow,
    /// Both sides have said good-bye, or one has broken off.
    Ended,
    /// The client, too, has closed after a refused frame.
    Parted,
}

/// Which way frames may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    pub(super) sends: bool,
    pub(super) reads: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        let most = Limits::default().max_payload_len(Some(limits::SOCKET_FRAME_BYTES));
        let stream = ServerBuilder::new().limits(most).serve(stream);
        Self { stream: Some(stream), refused: false, rest: None, closing: false, last: None }
    }

    pub(super) fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// What is left of a refused frame is thrown away.
    pub(super) fn is_parting(&self) -> bool {
        self.rest.is_some()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// What happens next; messages leave meanwhile. Cancel safe.
    pub(super) async fn next(&mut self, outbox: &Outbox, flow: Flow) -> Heard {
        poll_fn(|cx| self.poll(cx, outbox, flow)).await
    }

    /// Says good-bye, after what waits.
    pub(super) fn close(&mut self, code: CloseCode, reason: &str) {
        if !self.closing {
            self.closing = true;
            self.last = Some(Message::close(Some(code), reason));
        }
    }

    /// Asks for a sign of life.
    pub(super) fn ping(&mut self) {
        if let Some(stream) = &mut self.stream {
            // A connection that is closing needs none.
            Pin::new(stream).start_send(Message::ping("")).ok();
        }
    }

    /// Nothing more is sent or heard.
    pub(super) fn abandon(&mut self) {
        self.stream = None;
        self.rest = None;
    }

    fn poll(&mut self, cx: &mut Context<'_>, outbox: &Outbox, flow: Flow) -> Poll<Heard> {
        let Some(stream) = &mut self.stream else { return self.poll_rest(cx) };
        outbox.wakes(cx.waker());
        if outbox.end() == Some(End::TooMuch) && !self.closing {
            return Poll::Ready(Heard::TooSlow);
        }
        let mut stream = Pin::new(stream);
        let heard = match send(stream.as_mut(), cx, outbox, flow, &mut self.last) {
            Ok(true) if flow.reads => ready!(read(stream, cx, &mut self.refused)),
            // What is answered by the protocol itself waits, too: a client that takes nothing is not listened to.
            Ok(_) => return Poll::Pending,
            Err(_) => Heard::Ended,
        };
        if heard == Heard::Ended {
            self.rest = self.stream.take().filter(|_| self.refused).map(WebSocketStream::into_inner);
        }
        Poll::Ready(heard)
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        let Some(rest) = &mut self.rest else { return Poll::Pending };
        ready!(part(Pin::new(rest), cx));
        self.rest = None;
        Poll::Ready(Heard::Parted)
    }
}

/// Closes our side and throws away what the client still sends, until it closes its own. What nobody reads would be
/// answered with a reset, and that may take our good-bye along.
fn part<S: AsyncRead + AsyncWrite>(mut rest: Pin<&mut S>, cx: &mut Context<'_>) -> Poll<()> {
    if ready!(rest.as_mut().poll_shutdown(cx)).is_err() {
        return Poll::Ready(());
    }
    let mut thrown = [0; 4 << 10];
    loop {
        let mut came = ReadBuf::new(&mut thrown);
        let read = ready!(rest.as_mut().poll_read(cx, &mut came));
        if read.is_err() || came.filled().is_empty() {
            return Poll::Ready(());
        }
    }
}

/// Sends what the client takes; whether there is room for more.
fn send<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: Pin<&mut WebSocketStream<S>>,
    cx: &mut Context<'_>,
    outbox: &Outbox,
    flow: Flow,
    last: &mut Option<Message>,
) -> Result<bool, Error> {
    let has_room = loop {
        match stream.as_mut().poll_ready(cx)? {
            Poll::Pending => break false,
            Poll::Ready(()) => {}
        }
        let message = if flow.sends { outbox.take().map(Message::text) } else { None };
        let Some(message) = message.or_else(|| last.take()) else { break true };
        // Refused once either side has said good-bye: what waits then is not sent any more.
        stream.as_mut().start_send(message).ok();
    };
    match stream.poll_flush(cx)? {
        Poll::Ready(()) | Poll::Pending => Ok(has_room),
    }
}

fn read<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: Pin<&mut WebSocketStream<S>>,
    cx: &mut Context<'_>,
    refused: &mut bool,
) -> Poll<Heard> {
    loop {
        let next = ready!(stream.as_mut().poll_next(cx));
        *refused |= matches!(next, Some(Err(Error::PayloadTooLong { .. } | Error::Protocol(_))));
        return Poll::Ready(match next {
            Some(Ok(message)) if message.is_text() => Heard::Text(message.into_payload().into()),
            Some(Ok(message)) if message.is_binary() => Heard::Binary,
            // The client's good-bye is being answered, and then the stream ends.
            Some(Ok(message)) if message.is_close() => continue,
            Some(Ok(_)) => Heard::Alive,
            Some(Err(Error::PayloadTooLong { .. })) => Heard::TooLong,
            // Against the protocol: the client is being told so, and then the stream ends.
            Some(Err(Error::Protocol(_))) => continue,
            Some(Err(_)) | None => Heard::Ended,
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const BOTH: Flow = Flow { sends: true, reads: true };

    fn wire(buffer: usize) -> (Wire<DuplexStream>, DuplexStream, Outbox) {
        let (ours, theirs) = duplex(buffer);
        (Wire::new(ours), theirs, Outbox::default())
    }

    /// A frame as clients send it, its mask all zeros.
    fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode];
        match u16::try_from(payload.len()) {
            Ok(short @ 0..126) => frame.push(0x80 | short as u8),
            Ok(length) => frame.extend([0xfe, (length >> 8) as u8, length as u8]),
            Err(_) => {
                frame.push(0xff);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        frame
    }

    #[tokio::test]
    async fn a_message_that_comes_while_it_waits_is_sent() {
        let (mut wire, mut theirs, outbox) = wire(1024);
        let sent = async {
            outbox.put(&"hi".into());
            let mut read = [0; 4];
            theirs.read_exact(&mut read).await.unwrap();
            read
        };
        tokio::select! {
            heard = wire.next(&outbox, BOTH) => panic!("{heard:?}"),
            read = sent => assert_eq!(read, [0x81, 2, b'h', b'i']),
        }
    }

    #[tokio::test]
    async fn while_it_may_not_send_or_read_it_does_neither() {
        let (mut wire, mut theirs, outbox) = wire(1024);
        outbox.put(&"hi".into());
        theirs.write_all(&frame(1, b"one")).await.unwrap();
        let neither = Flow { sends: false, reads: false };
        {
            let mut waits = std::pin::pin!(wire.next(&outbox, neither));
            let looked = poll_fn(|cx| Poll::Ready(waits.as_mut().poll(cx))).await;
            assert!(looked.is_pending());
        }
        assert_eq!(outbox.take(), Some("hi".into()));
        assert_eq!(wire.next(&outbox, BOTH).await, Heard::Text("one".into()));
    }

    #[tokio::test]
    async fn a_good_bye_comes_after_what_waits_and_is_answered() {
        let (mut wire, mut theirs, outbox) = wire(1024);
        outbox.put(&"hi".into());
        wire.close(CloseCode::SERVICE_RESTART, "new");
        wire.close(CloseCode::GOING_AWAY, "only the first counts");
        theirs.write_all(&frame(8, &1012u16.to_be_bytes())).await.unwrap();
        assert_eq!(wire.next(&outbox, BOTH).await, Heard::Ended);
        assert!(!wire.is_open() && !wire.is_parting());
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, [&[0x81, 2, b'h', b'i', 0x88, 5][..], &1012u16.to_be_bytes(), b"new"].concat());
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_not_listened_to_beyond_a_bound() {
        let (mut wire, mut theirs, outbox) = wire(64);
        let floods = async {
            for _ in 0..10_000 {
                theirs.write_all(&frame(9, &[0; 100])).await.unwrap();
            }
        };
        let mut answered = 0;
        tokio::select! {
            () = floods => panic!("{answered} pings were taken"),
            () = async { loop { wire.next(&outbox, BOTH).await; answered += 1; } } => {}
            () = async { for _ in 0..100_000 { tokio::task::yield_now().await } } => {}
        }
        assert!((50..200).contains(&answered), "{answered}");
    }

    #[tokio::test]
    async fn beyond_the_bound_the_client_is_told_and_nobody_waits() {
        let (mut wire, _theirs, outbox) = wire(64);
        while outbox.put(&Bytes::from(vec![b'x'; 1000])) {}
        assert_eq!(wire.next(&outbox, BOTH).await, Heard::TooSlow);
    }

    #[tokio::test]
    async fn a_frame_beyond_all_bounds_ends_the_connection_with_its_code_and_the_rest_of_it_is_taken() {
        let (mut wire, mut theirs, outbox) = wire(64 << 10);
        let client = async {
            theirs.write_all(&frame(1, &vec![b'x'; limits::SOCKET_FRAME_BYTES + 1])).await.unwrap();
            let mut read = Vec::new();
            theirs.read_to_end(&mut read).await.unwrap();
            assert_eq!((read[0], &read[2..4]), (0x88, &1009u16.to_be_bytes()[..]));
            drop(theirs);
        };
        let server = async {
            assert_eq!(wire.next(&outbox, BOTH).await, Heard::TooLong);
            wire.close(CloseCode::MESSAGE_TOO_BIG, "too long");
            assert_eq!(wire.next(&outbox, BOTH).await, Heard::Ended);
            assert!(!wire.is_open() && wire.is_parting());
            assert_eq!(wire.next(&outbox, BOTH).await, Heard::Parted);
            assert!(!wire.is_parting());
        };
        tokio::join!(client, server);
    }

    #[tokio::test]
    async fn text_that_is_none_ends_the_connection_with_its_code() {
        let (mut wire, mut theirs, outbox) = wire(1024);
        theirs.write_all(&frame(1, b"\xff\xfe")).await.unwrap();
        assert_eq!(wire.next(&outbox, BOTH).await, Heard::Ended);
        assert!(wire.is_parting());
        drop(wire);
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).await.unwrap();
        assert_eq!((read[0], &read[2..4]), (0x88, &1007u16.to_be_bytes()[..]));
    }
}
