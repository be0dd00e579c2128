// The core's types: made from the library's, never written here.

export type * from "portcullis";
