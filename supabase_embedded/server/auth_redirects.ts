/** Where the links in mails may lead: to the site, and to whatever is served on this machine. */

const THIS_MACHINE = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** As GoTrue does, what is not allowed is passed over in silence: the site comes last. */
export function redirectOf(request: Request, url: URL, siteUrl: string): string {
  const wishes = [url.searchParams.get("redirect_to"), request.headers.get("referer")];
  return wishes.find((wish) => wish !== null && isAllowed(wish, siteUrl)) ?? siteUrl;
}

export function isAllowed(wish: string, siteUrl: string): boolean {
  const place = URL.parse(wish), site = URL.parse(siteUrl);
  // Where the host ends at a backslash, programs do not agree.
  if (!place || /[\s\p{Cc}\\]/u.test(wish)) return false;
  if (place.protocol === "http:" && THIS_MACHINE.test(place.hostname)) return true;
  return site !== null && place.protocol === site.protocol && place.hostname === site.hostname &&
    (place.port === site.port || THIS_MACHINE.test(place.hostname));
}
