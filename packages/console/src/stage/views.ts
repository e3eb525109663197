import { invariant } from '@qps/core'
import { type AdminPage, type AdminRoute, errorBody } from '@qps/http-contract'
import { type Drawing, drawingText } from './drawing.ts'
import { drawingSvg, viewPage } from './view-svg.ts'

/**
 * A picture of what a variant does. The console prints it when its key is pressed, and the admin port has it under
 * `/debug/<name>`: a page that is drawn anew each second, or with `?format=` text or svg.
 */
export interface StageView {
  /** Lower-case letters: the end of its address. */
  name: string
  /** One letter that the console does not use itself. */
  key: string
  title: string
  /** @param query of the page, decoded; empty for the key. */
  draw(query: URLSearchParams): Drawing | Promise<Drawing>
  /** The same as text, where that is to look otherwise than the drawing's rows. */
  text?(query: URLSearchParams): string
}

/** A view for a terminal, without colors: it may stand in a file. */
export async function viewText(view: StageView, query: URLSearchParams): Promise<string> {
  return view.text === undefined
    ? drawingText(view.title, await view.draw(query))
    : `${view.title}\n${view.text(query)}`
}

/** `/debug/<name>` of each view. */
export function viewRoutes(views: readonly StageView[]): Record<string, AdminRoute> {
  return Object.fromEntries(views.map((view) => [`/debug/${view.name}`, routeOf(view)]))
}

function routeOf(view: StageView): AdminRoute {
  return async (query): Promise<AdminPage> => {
    const format = query.get('format') ?? 'page'
    if (format === 'page') return { contentType: 'text/html; charset=utf-8', body: viewPage(view.title) }
    if (format !== 'text' && format !== 'svg') {
      const message = `format must be one of page, text, svg, not ${JSON.stringify(format)}`
      return { status: 400, contentType: 'application/json', body: errorBody({ code: 'option', message }) }
    }
    return format === 'svg'
      ? { contentType: 'image/svg+xml; charset=utf-8', body: drawingSvg(await view.draw(query)) }
      : { contentType: 'text/plain; charset=utf-8', body: `${await viewText(view, query)}\n` }
  }
}

/** @param taken keys that are the console's own. @returns the same views, each with a key and a name that no other has. */
export function checkViews(views: readonly StageView[], taken: readonly string[]): readonly StageView[] {
  const keys = new Set(taken)
  const names = new Set<string>()
  for (const { key, name } of views) {
    invariant(/^[a-z]$/.test(key) && !keys.has(key), `the view ${name} has a key of its own, not ${key}`)
    invariant(/^[a-z]+$/.test(name) && !names.has(name), `no two views are called ${name}`)
    keys.add(key)
    names.add(name)
  }
  return views
}
