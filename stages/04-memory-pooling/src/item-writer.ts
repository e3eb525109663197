import { writeDecimal, writeJsonString, writeLatin1 } from '@qps/bytes'
import { invariant } from '@qps/core'
import type { Catalogue } from './catalogue.ts'

/**
 * Writes an item as JSON, the same bytes as `JSON.stringify(catalogue.item(id))` in UTF-8, without an object and without a
 * string.
 *
 * @param target room for `catalogue.answerBytesMax(id)` bytes from `at` on, so that none of the writers below lacks any.
 * @param id one that the catalogue has.
 * @returns the position behind what was written.
 */
export function writeItem(target: Uint8Array, at: number, catalogue: Catalogue, id: number): number {
  invariant(target.length - at >= catalogue.answerBytesMax(id), 'there is room for the item')
  let end = writeLatin1(target, at, '{"id":')
  end = writeDecimal(target, end, id)
  end = writeLatin1(target, end, ',"title":')
  end = writeJsonString(target, end, catalogue.titleOf(id))
  end = writeLatin1(target, end, ',"description":')
  end = writeJsonString(target, end, catalogue.descriptionOf(id))
  end = writeLatin1(target, end, ',"price":')
  end = writeDecimal(target, end, catalogue.priceOf(id))
  end = writeLatin1(target, end, ',"stock":')
  end = writeDecimal(target, end, catalogue.stockOf(id))
  end = writeLatin1(target, end, ',"tags":[')
  const count = catalogue.tagCountOf(id)
  for (let index = 0; index < count; index++) {
    if (index > 0) end = writeLatin1(target, end, ',')
    end = writeJsonString(target, end, catalogue.tagOf(id, index))
  }
  return writeLatin1(target, end, ']}')
}
