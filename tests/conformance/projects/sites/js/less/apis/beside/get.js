exports.process = async () => ({ body: 'beside' });
