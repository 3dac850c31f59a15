/** Who runs the calls that companions run themselves: any of them, in the place of a client. */
export const COMPANION = "companion";
