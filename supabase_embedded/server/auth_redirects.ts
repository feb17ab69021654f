/** Redirects of links in emails: they may lead to the site and to anything that is served on this machine. */

const THIS_MACHINE = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** The first redirect that is allowed, or the site. As in GoTrue, others are ignored without an error. */
export function redirectOf(request: Request, url: URL, siteUrl: string): string {
  const candidates = [url.searchParams.get("redirect_to"), request.headers.get("referer")];
  return candidates.find((url) => url !== null && isAllowed(url, siteUrl)) ?? siteUrl;
}

export function isAllowed(redirect: string, siteUrl: string): boolean {
  const place = URL.parse(redirect), site = URL.parse(siteUrl);
  // Programs disagree on whether a backslash ends the host.
  if (!place || /[\s\p{Cc}\\]/u.test(redirect)) return false;
  if (place.protocol === "http:" && THIS_MACHINE.test(place.hostname)) return true;
  return site !== null && place.protocol === site.protocol && place.hostname === site.hostname &&
    (place.port === site.port || THIS_MACHINE.test(place.hostname));
}
