exports.process = async () => ({ headers: { 'content-type': 'text/plain' }, body: 'hello' });
