/**
 * A typedoc plugin: an export that has no comment of its own is documented by the header of its file. One concept a file, and the
 * header says what it is.
 */

import { Comment, Converter, ReflectionKind } from 'typedoc';
import ts from 'typescript';

const EXPORTS =
  ReflectionKind.Variable |
  ReflectionKind.Function |
  ReflectionKind.Interface |
  ReflectionKind.TypeAlias |
  ReflectionKind.Class;

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (reflection.kindOf(EXPORTS)) document(context, reflection, reflection);
  });
  app.converter.on(Converter.EVENT_CREATE_SIGNATURE, (context, signature) => {
    if (signature.parent.kindOf(EXPORTS)) document(context, signature, signature.parent);
  });
}

function document(context, reflection, declared) {
  if (reflection.comment !== undefined) return;
  const [declaration] = context.getSymbolFromReflection(declared)?.declarations ?? [];
  const header = declaration && headerOf(declaration.getSourceFile().text);
  if (header !== undefined) reflection.comment = new Comment([{ kind: 'text', text: header }]);
}

/** The first comment of a file, its columns and formulas as they stand. */
function headerOf(text) {
  const [range] = ts.getLeadingCommentRanges(text, text.startsWith('#!') ? text.indexOf('\n') : 0) ?? [];
  const comment = range && text.slice(range.pos, range.end);
  if (!comment?.startsWith('/**')) return undefined;
  const lines = comment
    .split('\n')
    .slice(1, -1)
    .map((line) => line.replace(/^ \* ?/, ''));
  const isFormal = lines.some((line) => /^(In|Out|State|Cost) {2,}/.test(line));
  if (!isFormal) return lines.join('\n');
  const end = lines.indexOf('');
  return [...lines.slice(0, end), '', '```text', ...lines.slice(end + 1), '```'].join('\n');
}
