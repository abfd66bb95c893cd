exports.process = async () => ({ body: 'fine' });
