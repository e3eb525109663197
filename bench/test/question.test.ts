import { expect, test } from 'vitest'
import { asked, loadOf } from '../src/question.ts'
import { statusAnswer } from '../src/scenario.ts'

const answer = { ...statusAnswer, path: '/items/7', loadPath: '/items/[1-9]' }

test('loads take turns through the range that the right answer is one of', () => {
  const question = asked('h1', answer)
  expect(question.path).toBe('/items/7')
  expect(loadOf(question, 'http://127.0.0.1:1').url).toBe('http://127.0.0.1:1/items/[1-9]')
})

test('a protocol that has no ranges, and an echo, ask for one path', () => {
  expect(loadOf(asked('h2', answer), 'http://127.0.0.1:1').url).toBe('http://127.0.0.1:1/items/7')
  expect(loadOf(asked('h1', answer, { echoBytes: 8 }), 'http://127.0.0.1:1').url).toBe('http://127.0.0.1:1/echo')
})

test('a right answer may be one to a POST', () => {
  const question = asked('h1', { ...answer, method: 'POST' })
  expect(loadOf(question, 'http://127.0.0.1:1')).toMatchObject({ method: 'POST' })
  expect(loadOf(asked('h1', answer), 'http://127.0.0.1:1')).toMatchObject({ method: 'GET' })
})
