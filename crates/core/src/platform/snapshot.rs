//! A platform compiled for deciding: look-ups without search or allocation. Swapped whole when the file is applied.

use super::{Environment, Host, Partner, Plan, Platform, Product, Route, RouteAccess, Surface};
use crate::{EnvironmentId, PartnerId, PlanId, ProductId, Scope, ScopeSet};
use std::collections::HashMap;

/// Position of a route in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteIndex(pub u32);

/// Path parameters of a matched route, in order.
pub type Params<'p> = Vec<(Box<str>, &'p str)>;

/// Why a platform does not compile. The file's checker finds these first and says the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{name}` {problem}")]
pub struct Invalid {
    /// The kind of thing.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub problem: String,
}

/// What a path and method lead to.
#[derive(Debug)]
pub enum Routed<'s, 'p> {
    /// A route.
    Route(RouteIndex, &'s CompiledRoute, Params<'p>),
    /// The path exists by other methods (for `Allow`).
    OtherMethods(Vec<Box<str>>),
    /// No such path.
    Unknown,
}

/// A route with its references resolved.
#[derive(Debug)]
pub struct CompiledRoute {
    /// As the file has it.
    pub route: Route,
    /// Position of its product.
    pub(crate) product: Option<usize>,
    /// Scopes of which any one suffices: the route's own and the umbrellas over it.
    pub sufficient: ScopeSet,
    /// The same route with the product of a channel, for what is subscribed to on it.
    channels: Vec<(Box<str>, CompiledRoute)>,
}

impl CompiledRoute {
    /// Whether nothing is identified here.
    pub fn is_public(&self) -> bool {
        self.route.access == RouteAccess::Public
    }
    /// What a subscription to this channel is decided by.
    pub fn channel(&self, name: &str) -> &Self {
        self.channels.iter().find(|(channel, _)| **channel == *name).map_or(self, |(_, route)| route)
    }
}

/// A platform, compiled.
#[derive(Debug)]
pub struct Snapshot {
    /// As the file has it.
    pub platform: Platform,
    /// The revision of the applied file.
    pub revision: u64,
    routes: Vec<CompiledRoute>,
    partner_call: CompiledRoute,
    known_scopes: ScopeSet,
    paths: HashMap<Surface, matchit::Router<Vec<usize>>>,
}

impl Snapshot {
    /// Compiles a platform.
    ///
    /// # Errors
    /// Names what refers to nothing or stands twice.
    pub fn compile(platform: Platform, revision: u64) -> Result<Self, Invalid> {
        let mut routes = Vec::with_capacity(platform.routes.len());
        let mut by_path: HashMap<(Surface, Box<str>), Vec<usize>> = HashMap::new();
        for (index, route) in platform.routes.iter().enumerate() {
            let invalid = |problem: String| Invalid {
                what: "route",
                name: format!("{} {}", route.method, route.path),
                problem,
            };
            let position = |id: &ProductId| {
                platform
                    .products
                    .iter()
                    .position(|p| p.id == *id)
                    .ok_or_else(|| invalid(format!("names the product `{id}`, which does not exist")))
            };
            let product = route.product.as_ref().map(position).transpose()?;
            let sufficient = match &route.scope {
                None => ScopeSet::default(),
                Some(scope) => {
                    if !platform.scopes.iter().any(|s| s.scope == *scope) {
                        return Err(invalid(format!("names the scope `{scope}`, which does not exist")));
                    }
                    platform
                        .scopes
                        .iter()
                        .filter(|s| s.scope == *scope || s.expands_to.contains(scope))
                        .map(|s| s.scope.clone())
                        .collect()
                }
            };
            let same_path = by_path.entry((route.surface, route.path.clone())).or_default();
            if same_path.iter().any(|i: &usize| platform.routes[*i].method == route.method) {
                return Err(invalid("stands twice".into()));
            }
            same_path.push(index);
            let mut channels = Vec::new();
            for (name, id) in route.stream.iter().flat_map(|s| &s.channels) {
                let product = Some(position(id)?);
                let route = Route { product: Some(id.clone()), ..route.clone() };
                let sufficient = sufficient.clone();
                channels
                    .push((name.clone(), CompiledRoute { route, product, sufficient, channels: Vec::new() }));
            }
            routes.push(CompiledRoute { route: route.clone(), product, sufficient, channels });
        }
        let mut paths: HashMap<Surface, matchit::Router<Vec<usize>>> = HashMap::new();
        for ((surface, path), indices) in by_path {
            paths.entry(surface).or_default().insert(path.to_string(), indices).map_err(|e| Invalid {
                what: "route",
                name: path.to_string(),
                problem: format!("cannot stand beside another path: {e}"),
            })?;
        }
        let partner_call = CompiledRoute {
            route: Route {
                method: "POST".into(),
                path: "/v1/oauth/".into(),
                surface: platform.dialect.data().usual,
                access: RouteAccess::Partner,
                scope: None,
                product: None,
                account_param: None,
                stream: None,
            },
            product: None,
            sufficient: ScopeSet::default(),
            channels: Vec::new(),
        };
        let known_scopes = platform.scopes.iter().map(|s| s.scope.clone()).collect();
        let snapshot = Self { platform, revision, routes, partner_call, known_scopes, paths };
        if snapshot.plan(&snapshot.platform.default_plan).is_none() {
            return Err(Invalid {
                what: "plan",
                name: snapshot.platform.default_plan.to_string(),
                problem: "does not exist".into(),
            });
        }
        Ok(snapshot)
    }

    /// What a request leads to on this surface.
    pub fn route<'s, 'p>(&'s self, surface: Surface, method: &str, path: &'p str) -> Routed<'s, 'p> {
        let Some(found) = self.paths.get(&surface).and_then(|r| r.at(path).ok()) else {
            return Routed::Unknown;
        };
        // HEAD is answered where GET is (RFC 9110 section 9.3.2).
        let wanted = |m: &str| m == method || (method == "HEAD" && m == "GET");
        for index in found.value {
            let compiled = &self.routes[*index];
            if wanted(&compiled.route.method) {
                let params = found.params.iter().map(|(k, v)| (Box::from(k), v)).collect();
                return Routed::Route(
                    RouteIndex(u32::try_from(*index).unwrap_or(u32::MAX)),
                    compiled,
                    params,
                );
            }
        }
        Routed::OtherMethods(found.value.iter().map(|i| self.routes[*i].route.method.clone()).collect())
    }

    /// The route that stands for the issuer's own calls of partners, so that one decision judges them too.
    pub fn partner_call(&self) -> &CompiledRoute {
        &self.partner_call
    }

    /// Every route, in the order of the file.
    pub fn routes(&self) -> impl Iterator<Item = &CompiledRoute> {
        self.routes.iter()
    }

    /// The product of a compiled route.
    pub fn product_of(&self, route: &CompiledRoute) -> Option<&Product> {
        route.product.and_then(|i| self.platform.products.get(i))
    }
    /// An environment by id.
    pub fn environment(&self, id: &EnvironmentId) -> Option<&Environment> {
        self.platform.environments.iter().find(|e| e.id == *id)
    }
    /// A plan by id.
    pub fn plan(&self, id: &PlanId) -> Option<&Plan> {
        self.platform.plans.iter().find(|p| p.id == *id)
    }
    /// A partner by id.
    pub fn partner(&self, id: &PartnerId) -> Option<&Partner> {
        self.platform.partners.iter().find(|p| p.id == *id)
    }
    /// Base addresses of hosts with this surface that serve one of these environments.
    pub fn hosts_serving<'a>(
        &'a self,
        surface: Surface,
        environments: &'a [EnvironmentId],
    ) -> impl Iterator<Item = &'a Host> + 'a {
        self.platform
            .hosts
            .iter()
            .filter(move |h| h.surface == surface && h.environments.iter().any(|e| environments.contains(e)))
    }
    /// Scopes that a set stands for, umbrellas expanded to their leaves.
    pub fn expand(&self, scopes: &ScopeSet) -> ScopeSet {
        scopes
            .iter()
            .flat_map(|s| match self.platform.scopes.iter().find(|d| d.scope == *s) {
                Some(d) if !d.expands_to.is_empty() => d.expands_to.iter().cloned().collect::<Vec<_>>(),
                _ => vec![s.clone()],
            })
            .collect()
    }
    /// What is given of the scopes asked for, as leaves: an umbrella gives those of its leaves that are allowed, at least
    /// one; a leaf has to be allowed itself (RFC 6749 section 3.3).
    ///
    /// # Errors
    /// What was asked for and gives nothing.
    pub fn grantable(&self, asked: &ScopeSet, allowed: &ScopeSet) -> Result<ScopeSet, ScopeSet> {
        let allowed = self.expand(allowed);
        let given =
            |scope: &Scope| self.expand(&[scope.clone()].into_iter().collect()).intersection(&allowed);
        let refused: ScopeSet = asked.iter().filter(|scope| given(scope).is_empty()).cloned().collect();
        if refused.is_empty() && !asked.is_empty() {
            Ok(asked.iter().fold(ScopeSet::default(), |all, scope| all.union(&given(scope))))
        } else {
            Err(refused)
        }
    }
    /// All scopes the platform knows.
    pub fn known_scopes(&self) -> &ScopeSet {
        &self.known_scopes
    }
}
