exports.wanted = 'from beside';
