import { methods } from '@qps/http-contract'
import type { Request, Response } from '@qps/http1'
import type { Catalogue } from './catalogue.ts'
import { EncodedItems } from './encoded-items.ts'
import { itemPath, json } from './item-route.ts'
import { malformedId, parseItemPath } from './item-id.ts'
import type { ItemAnswers, MakeAnswers } from './server.ts'

/** A longer answer is not written in place: with its head it must fit into the engine's lease of 4 KB. */
const inPlaceBytesMax = 3_072

const get = methods.indexOf('GET')
const head = methods.indexOf('HEAD')

/**
 * Nothing is left to the collector by a request for an item. What each layer would leave, and what takes its place:
 *
 *     request and response objects        the same two again (`reuseMessages`)
 *     the path as a string, its params    digits, read where the request was received
 *     the item as an object, its JSON     parts that were encoded at the start; digits of the stock
 *     a buffer for the bytes              room in the memory that the kernel reads (`reserve`, `commit`)
 *
 * The price is in the second and the last line: one path is known twice, and an item is in memory twice.
 */
export const zero: MakeAnswers = (catalogue) => new ZeroAnswers(catalogue)

class ZeroAnswers implements ItemAnswers {
  readonly reuseMessages = true
  readonly #catalogue: Catalogue
  readonly #items: EncodedItems

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue
    this.#items = new EncodedItems(catalogue)
  }

  /** Asked before the router, which makes a string of the path. Whatever is not simply right is left to it. */
  readonly ahead = (request: Request, response: Response): boolean => {
    const { methodIndex, pathStart } = request
    if (pathStart === -1 || (methodIndex !== get && methodIndex !== head)) return false
    const id = parseItemPath(request.pathBytes, pathStart, request.pathEnd)
    if (id === malformedId || !this.#catalogue.has(id)) return false
    request.route = itemPath
    this.answer(id, request, response)
    return true
  }

  readonly answer = (id: number, _request: Request, response: Response): void => {
    const items = this.#items
    const bytes = items.bytesOf(id)
    if (bytes > inPlaceBytesMax) {
      const long = new Uint8Array(bytes)
      items.write(long, 0, id)
      return response.writeHead(200, json).end(long)
    }
    const at = response.reserve(200, json, bytes)
    if (at === -1) return
    items.write(response.output, at, id)
    response.commit()
  }
}
