// One header, looked up in every way.
exports.process = async ({ headers }) => ({
  body: [headers.Accept, headers.accept, headers['ACCEPT'], headers['Accept'], headers['x-none'] ?? null],
});
