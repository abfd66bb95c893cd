import express from 'express';

const app = express();
app.get('/hello', (request, response) => response.type('text').send('hello'));
app.listen(Number(process.env.PORT), '127.0.0.1');
