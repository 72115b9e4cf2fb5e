// The policy of the page lets a <style> element in only if it carries the page's nonce. Monaco and
// others make theirs without one, so every such element is given it where all of them are made.

const nonce = document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce ?? "";

const createElement = Document.prototype.createElement;

Document.prototype.createElement = function (
  this: Document,
  ...parameters: Parameters<typeof createElement>
) {
  const element = createElement.apply(this, parameters);
  if (element instanceof HTMLStyleElement) element.nonce = nonce;
  return element;
} as typeof createElement;
