// Where the API is: what `less-cli deploy` printed behind "- shop:".
export const API = 'http://localhost:4747/shop/apis/shop';
