/** `tells`: what is put in last is such a text itself, of another code. */
export type Phrase = readonly [english: string, russian: string, tells?: true];

export interface Words {
  /** Where the very text is not known. */
  general: string;
  phrases?: readonly Phrase[];
}
