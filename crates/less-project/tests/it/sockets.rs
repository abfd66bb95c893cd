//! What folders of `less/sockets` become.

use less_project::{Language, typescript_declarations};

use crate::folder::{Folder, check};

#[test]
fn a_socket_has_two_handlers_of_connections_and_its_channels() {
    let project = Folder::new(
        "less/sockets/chat/connect/index.js
         less/sockets/chat/disconnect/__init__.py
         less/sockets/chat/send/index.ts
         less/sockets/chat/typing/index.mjs
         less/sockets/chat/typing/words.js
         less/sockets/prices/watch/index.js",
    )
    .discover()
    .unwrap();
    let [chat, prices] = project.sockets.as_slice() else { panic!("{:?}", project.sockets) };
    let (connect, disconnect) = (chat.connect.as_ref().unwrap(), chat.disconnect.as_ref().unwrap());
    assert_eq!(connect.path.as_ref(), "sockets/chat/connect");
    assert_eq!((disconnect.path.as_ref(), disconnect.language), ("sockets/chat/disconnect", Language::Python));
    let channels: Vec<_> =
        chat.channels.iter().map(|channel| (channel.name.as_str(), channel.handler.path.as_ref())).collect();
    assert_eq!(channels, [("send", "sockets/chat/send"), ("typing", "sockets/chat/typing")]);
    assert_eq!(chat.timeout, std::time::Duration::from_secs(15 * 60));
    assert_eq!((prices.name.as_str(), &prices.connect, &prices.disconnect), ("prices", &None, &None));
    assert_eq!(project.handlers().count(), 5);
    assert_eq!(project.warnings, []);
}

#[test]
fn a_socket_whose_clients_only_listen_is_legal_and_told() {
    check("less/sockets/news/\n? less/sockets/news: this socket has no handlers: what its clients send goes nowhere");
}

#[test]
fn a_channel_that_looks_like_a_handler_of_connections_is_told() {
    check(
        "less/sockets/chat/Connect/index.js
         less/sockets/chat/send/index.js
         ? less/sockets/chat/Connect: is a channel: the handler of its name is called `connect`, in small letters",
    );
}

#[test]
fn mistakes_in_a_socket_are_reported() {
    check(
        "less/sockets/chat/connect/process.py
         less/sockets/chat/index.js
         less/sockets/chat/send/index.js
         less/sockets/chat/send/index.rs
         less/sockets/chat/a-b/index.js
         less/sockets/chat/a_b/index.js
         less/sockets/constructor/x/index.js
         less/sockets/my chat/connect/index.js
         ! less/sockets/chat/a_b: is taken for `a-b` beside it: handlers may write - as _
         ! less/sockets/chat/connect/process.py: is not the handler of this channel
         ! less/sockets/chat/send/index.rs: Rust handlers cannot run yet
         ! less/sockets/chat/send/index.rs: `index.js` beside it is the handler already
         ! less/sockets/constructor: `constructor` cannot be a name
         ! less/sockets/my chat: `my chat` is not a valid name",
    );
}

#[test]
fn the_declarations_name_sockets() {
    let project = Folder::new("less/sockets/live-chat/send/index.ts\nless/sockets/live-chat/typing/index.ts");
    let text = typescript_declarations(&project.discover().unwrap());
    let expected = "
  export interface Sockets {
    /** Channels: send, typing. */
    \"live-chat\": Socket;
    /** Channels: send, typing. */
    \"live_chat\": Socket;
  }
";
    assert!(text.contains(expected), "{text}");
}
