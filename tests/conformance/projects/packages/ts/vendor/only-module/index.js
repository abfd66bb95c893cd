export const owner = 'a package';
