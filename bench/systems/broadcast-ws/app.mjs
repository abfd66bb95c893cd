import http from 'node:http';
import { WebSocketServer } from 'ws';

const padding = 'x'.repeat(1000);

const server = http.createServer(async (request, response) => {
  if (request.method === 'POST' && request.url === '/broadcast') {
    let body = '';
    for await (const piece of request) body += piece;
    const { number } = JSON.parse(body);
    const text = Buffer.from(JSON.stringify({ number, padding }));
    for (const client of sockets.clients) client.send(text, { binary: false });
    response.writeHead(200).end();
  } else if (request.url === '/hello') {
    response.writeHead(200, { 'content-type': 'text/plain' }).end('hello');
  } else {
    response.writeHead(404).end();
  }
});
const sockets = new WebSocketServer({ server });
server.listen(Number(process.env.PORT), '127.0.0.1');
