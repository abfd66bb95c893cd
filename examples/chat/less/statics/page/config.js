// Where the socket is: what `less-cli deploy` printed under "Web Socket URLs".
export const SOCKET = 'ws://localhost:4747/chat/sockets/chat';
