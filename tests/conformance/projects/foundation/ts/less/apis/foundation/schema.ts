export const wanted: string = 'from beside';
