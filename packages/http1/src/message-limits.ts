import { checkInteger } from '@qps/core'

/** The bounds of one message. */
export interface MessageLimits {
  /** First line, header fields and the empty line; with the empty lines before them, chunk extensions and trailers. */
  headerBytesMax: number
  /** Header and trailer fields. */
  headerFieldsMax: number
  /** Content, without framing. */
  bodyBytesMax: number
}

/** Offsets are stored in 32 bits, and a limit that large protects nobody. */
const sectionBytesMax = 2 ** 30

/** @throws QpsError QPS_OPTION where a limit is no whole number in range. */
export function checkLimits({ headerBytesMax, headerFieldsMax, bodyBytesMax }: MessageLimits): Readonly<MessageLimits> {
  return {
    headerBytesMax: checkInteger('headerBytesMax', headerBytesMax, { min: 1, max: sectionBytesMax }),
    headerFieldsMax: checkInteger('headerFieldsMax', headerFieldsMax, { min: 1, max: sectionBytesMax / 4 }),
    bodyBytesMax: checkInteger('bodyBytesMax', bodyBytesMax, { min: 0 }),
  }
}
