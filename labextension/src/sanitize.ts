// HTML of a task made inert: no script, form, frame or link that acts, no request that the reader did not make.

import DOMPurify from 'dompurify';
import type { Config, UponSanitizeAttributeHook } from 'dompurify';

const CONFIG: Config = {
  USE_PROFILES: { html: true, svg: true, svgFilters: false, mathMl: true },
  FORBID_TAGS: [
    'style',
    'form',
    'input',
    'button',
    'select',
    'option',
    'textarea',
    'label',
    'dialog',
    'audio',
    'video',
    'source',
    'foreignObject',
    'animate',
    'set',
    'use'
  ],
  // JupyterLab acts on `data-commandlinker-*`; classes and ids could borrow the page's own looks and scripts.
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  FORBID_ATTR: ['id', 'name', 'class', 'for', 'target', 'ping', 'srcset', 'background', 'tabindex']
};

/** Anything that makes the browser fetch, such as an image of `/logout`. */
const FETCHING_STYLE = /url\s*\(|image-set\s*\(|\\|@import|expression/i;

/** DOMPurify has taken care of scripts in addresses; what is left here is who may be linked to. */
const LINK = /^(?:https?:|mailto:|#)/i;

const onlyOwnData: UponSanitizeAttributeHook = (node, data) => {
  const isLink = node.nodeName.toLowerCase() === 'a';
  const { attrName, attrValue } = data;
  if (attrName === 'style' && FETCHING_STYLE.test(attrValue)) {
    data.keepAttr = false;
  } else if (/^(src|href|xlink:href)$/.test(attrName)) {
    const value = attrValue.trim();
    data.keepAttr = isLink ? LINK.test(value) : /^data:image\//i.test(value);
  } else if (/url\s*\(/i.test(attrValue) && attrName !== 'title') {
    data.keepAttr = /^url\(\s*['"]?#/i.test(attrValue);
  }
};

function openedElsewhere(node: Element): void {
  if (node.nodeName.toLowerCase() === 'a' && node.hasAttribute('href')) {
    node.setAttribute('target', '_blank');
    node.setAttribute('rel', 'noopener noreferrer');
  }
}

/** A sanitizer for the view. It keeps its hooks to itself. */
export function makeSanitizer(window: Window & typeof globalThis): (html: string) => string {
  const purify = DOMPurify(window);
  purify.addHook('uponSanitizeAttribute', onlyOwnData);
  purify.addHook('afterSanitizeAttributes', openedElsewhere);
  return html => purify.sanitize(html, CONFIG);
}
