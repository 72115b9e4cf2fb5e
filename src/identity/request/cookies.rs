//! The cookies that carry a session in a browser.

use std::sync::{Mutex, PoisonError};

use cookie::{Cookie, CookieBuilder, SameSite, time::Duration};
use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};

use crate::{
    clock::Timestamp,
    error::{FieldError, UserErrorCode},
    identity::entity::sessions::Delivery,
};

/// The content of a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum CookieKind {
    /// A session key, which authenticates each request.
    Session,
    /// A refresh token, which is exchanged for access tokens.
    RefreshToken,
}

/// The cookies of one request, and those that its response sets.
pub(crate) struct Cookies {
    /// True for plain HTTP on a loopback address in development.
    is_insecure: bool,
    may_be_set: bool,
    session: Option<String>,
    refresh_token: Option<String>,
    to_set: Mutex<Vec<(CookieKind, HeaderValue)>>,
}

impl Cookies {
    /// Reads the cookies of a request. Insecure cookies have neither the `Secure` attribute nor the
    /// `__Host-` prefix; a server reads only one of the two kinds.
    pub(crate) fn of(headers: &HeaderMap, is_insecure: bool) -> Self {
        let mut cookies = Self::none(is_insecure);
        let values = headers.get_all(COOKIE).iter();
        let texts = values.flat_map(|value| value.as_bytes().split(|&byte| byte == b';'));
        // Cookies of other services may contain any bytes; they are skipped.
        let texts = texts.filter_map(|text| std::str::from_utf8(text).ok());
        for cookie in texts.filter_map(|text| Cookie::parse(text).ok()) {
            for (kind, place) in [
                (CookieKind::Session, &mut cookies.session),
                (CookieKind::RefreshToken, &mut cookies.refresh_token),
            ] {
                if cookie.name() == kind.name(is_insecure) {
                    place.get_or_insert_with(|| cookie.value().to_owned());
                }
            }
        }
        cookies
    }

    /// Returns empty cookies, for a request whose cookies are ignored.
    pub(crate) fn none(is_insecure: bool) -> Self {
        Self {
            is_insecure,
            may_be_set: true,
            session: None,
            refresh_token: None,
            to_set: Mutex::default(),
        }
    }

    /// Returns cookies that a response cannot set, for a WebSocket.
    pub(crate) fn read_only(self) -> Self {
        Self {
            may_be_set: false,
            ..self
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.session.is_none() && self.refresh_token.is_none()
    }

    /// True if the response can set cookies.
    pub(in crate::identity) fn may_be_set(&self) -> bool {
        self.may_be_set
    }

    pub(in crate::identity) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    pub(in crate::identity) fn refresh_token(&self) -> Option<&str> {
        self.refresh_token.as_deref()
    }

    /// Returns the delivery if the response can use it, otherwise an error.
    pub(in crate::identity) fn check_delivery(
        &self,
        delivery: Delivery,
    ) -> Result<Delivery, FieldError> {
        if delivery == Delivery::Bearer || self.may_be_set {
            return Ok(delivery);
        }
        Err(FieldError::new(
            UserErrorCode::Invalid,
            "A cookie can only be set over HTTP. Send this by POST, or choose BEARER.",
        ))
    }

    /// Sets a cookie until `expires_at`.
    pub(in crate::identity) fn set(
        &self,
        kind: CookieKind,
        value: String,
        now: Timestamp,
        expires_at: Timestamp,
    ) {
        let life = expires_at.as_seconds().saturating_sub(now.as_seconds());
        self.queue(kind, self.cookie(kind, value, life));
    }

    /// Deletes the cookie if the request has it.
    pub(in crate::identity) fn clear(&self, kind: CookieKind) {
        let present = match kind {
            CookieKind::Session => &self.session,
            CookieKind::RefreshToken => &self.refresh_token,
        };
        if present.is_some() {
            self.queue(kind, self.cookie(kind, String::new(), 0));
        }
    }

    /// Deletes all cookies of the request.
    pub(in crate::identity) fn clear_all(&self) {
        self.clear(CookieKind::Session);
        self.clear(CookieKind::RefreshToken);
    }

    /// Adds the `Set-Cookie` headers to a response.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let mut to_set = self.to_set.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, value) in to_set.drain(..) {
            headers.append(SET_COOKIE, value);
        }
    }

    fn cookie(&self, kind: CookieKind, value: String, life: i64) -> CookieBuilder<'static> {
        Cookie::build((kind.name(self.is_insecure), value))
            .path("/")
            .http_only(true)
            .secure(!self.is_insecure)
            .same_site(SameSite::Lax)
            .max_age(Duration::seconds(life))
    }

    /// Queues a cookie, in place of an earlier one of its kind.
    fn queue(&self, kind: CookieKind, cookie: CookieBuilder<'static>) {
        let Ok(mut value) = HeaderValue::from_str(&cookie.to_string()) else {
            return;
        };
        value.set_sensitive(true);
        let mut to_set = self.to_set.lock().unwrap_or_else(PoisonError::into_inner);
        to_set.retain(|(other, _)| *other != kind);
        to_set.push((kind, value));
    }
}

impl CookieKind {
    fn name(self, is_insecure: bool) -> &'static str {
        match (self, is_insecure) {
            (Self::Session, false) => "__Host-cubby_session",
            (Self::Session, true) => "cubby_session",
            (Self::RefreshToken, false) => "__Host-cubby_refresh",
            (Self::RefreshToken, true) => "cubby_refresh",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_cookie(cookie: &str, is_insecure: bool) -> Cookies {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, cookie.parse().unwrap());
        Cookies::of(&headers, is_insecure)
    }

    fn set(cookies: &Cookies) -> Vec<String> {
        let mut headers = HeaderMap::new();
        cookies.write(&mut headers);
        let values = headers.get_all(SET_COOKIE).iter();
        values.map(|it| it.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn cookies_are_http_only_and_host_prefixed_over_tls() {
        let (now, later) = (Timestamp::from_millis(0), Timestamp::from_millis(60_000));
        let cookies = Cookies::none(false);
        cookies.set(CookieKind::Session, "a.b".to_owned(), now, later);
        assert_eq!(
            set(&cookies),
            ["__Host-cubby_session=a.b; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"]
        );
        let cookies = Cookies::none(true);
        cookies.set(CookieKind::RefreshToken, "a.b".to_owned(), now, later);
        assert_eq!(
            set(&cookies),
            ["cubby_refresh=a.b; HttpOnly; SameSite=Lax; Path=/; Max-Age=60"]
        );
    }

    #[test]
    fn cookie_names_depend_on_tls() {
        let both = "theme=dark; __Host-cubby_session=a; cubby_session=b; cubby_refresh=c";
        let cookies = with_cookie(both, false);
        assert_eq!(
            (cookies.session(), cookies.refresh_token()),
            (Some("a"), None)
        );
        let cookies = with_cookie(both, true);
        assert_eq!(
            (cookies.session(), cookies.refresh_token()),
            (Some("b"), Some("c"))
        );
        assert!(with_cookie("theme=dark", true).is_empty());

        let mut headers = HeaderMap::new();
        let bytes = [
            b"cubby_session=a; theme=gr\xc3\xb6\xc3\x9fe; x=\xff; ".as_slice(),
            b"cubby_refresh=b",
        ];
        let value = HeaderValue::from_bytes(&bytes.concat()).unwrap();
        headers.append(COOKIE, value);
        let cookies = Cookies::of(&headers, true);
        assert_eq!(
            (cookies.session(), cookies.refresh_token()),
            (Some("a"), Some("b"))
        );
    }

    #[test]
    fn last_change_wins_and_absent_cookies_are_not_cleared() {
        let cookies = with_cookie("cubby_session=a", true);
        cookies.clear_all();
        let (now, later) = (Timestamp::from_millis(0), Timestamp::from_millis(60_000));
        cookies.set(CookieKind::Session, "b".to_owned(), now, later);
        assert_eq!(set(&cookies).len(), 1);
        cookies.clear_all();
        assert_eq!(
            set(&cookies),
            ["cubby_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"]
        );
    }
}
