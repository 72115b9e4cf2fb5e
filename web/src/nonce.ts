// Sets the page's nonce on each new <style> element. The Content-Security-Policy requires it, and
// Monaco and other libraries create their elements without one.

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
