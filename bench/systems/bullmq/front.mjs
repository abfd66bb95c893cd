import express from 'express';

import { placeOrder } from '../../handlers.mjs';
import { publish } from './queues.mjs';

const app = express();
app.get('/hello', (request, response) => response.type('text').send('hello'));
app.post('/orders', express.json({ limit: '1mb' }), async (request, response) => {
  response.status(201).json(await placeOrder(request.body, publish));
});
app.listen(Number(process.env.PORT), '127.0.0.1');
