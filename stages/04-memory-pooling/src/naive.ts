import type { Item } from './catalogue.ts'
import type { MakeAnswers } from './server.ts'

/**
 * The same answer in the style of everyday code, where each layer hands the next one a copy: a view of the row, a list of
 * its tags, a text per property, a joined text, its bytes, and headers that are the same every time and made every time.
 * Nothing of it is wrong, and nothing of it survives its request.
 */
export const naive: MakeAnswers = (catalogue) => ({
  answer: (id, _request, response) => {
    const body = Buffer.from(render(viewOf(catalogue.item(id)!)))
    const headers = { ...defaultHeaders, 'content-length': String(body.length) }
    response.writeHead(200, headers).end(body)
  },
})

const defaultHeaders = { 'content-type': 'application/json' }

/** What the outside may know of an item: here all of it. */
function viewOf(row: Item): Item {
  return { ...row, tags: [...row.tags] }
}

function render(view: Item): string {
  const properties = Object.entries(view).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
  return '{' + properties.join(',') + '}'
}
