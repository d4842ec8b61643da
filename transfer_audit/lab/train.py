"""Training: CMA-ES over the policy, on simulated hands of three friction settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from transfer_audit.core import family as families
from transfer_audit.core.binding import Binding
from transfer_audit.core.errors import AuditError
from transfer_audit.core.family import Family
from transfer_audit.core.types import Array
from transfer_audit.lab.hands import Hands
from transfer_audit.lab.policy import HIGH, LOW, Instance, controls_of, cube_start, instances
from transfer_audit.lab.profiles import FRICTION
from transfer_audit.lab.task import Outcome, judge, readings

GOAL_M, GOAL_RAD = 0.006, 0.2
"""Training asks for more height and less turning than success does."""
FAILURE, EFFORT_PER_N = 3.0, 0.05
"""What a failed round costs, and what a newton of grip does: a light grip is worn less and heats the motors less."""
POPULATION = 9
START, STEP = 0.5, 0.25
"""Of the search, in shares of each parameter's bounds."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much is trained.

    :param tasks: task instances for each friction setting
    """

    generations: int = 14
    tasks: int = 3


DEFAULT = Plan()


@dataclass(frozen=True)
class Trained:
    """A policy and how it came about.

    :param policy: shape (P,)
    :param settings: the friction settings, shape (3,); success, slip rate and effort (N) on each, shape (3,)
    :param costs: the best of each generation
    """

    policy: Array
    settings: Array
    success: Array
    slip_rate: Array
    effort_n: Array
    costs: tuple[float, ...]


def drawn(binding: Binding, count: int, seed: int) -> Family:
    """Members of the binding's family, drawn anew."""
    profile = binding.profile
    spec = profile.family.model_copy(update={'members': count, 'seed': seed})
    return families.draw(replace(binding, profile=profile.model_copy(update={'family': spec})))


def with_value(family: Family, name: str, values: Array | float) -> Family:
    """The same members with one parameter set, shape (K,) or one for all."""
    draws = family.draws.copy()
    draws[:, family.names.index(name)] = values
    return Family(family.names, draws)


def friction_settings(binding: Binding) -> Array:
    """The bounds of the family's friction and the middle, shape (3,)."""
    found = next(variation for variation in binding.variations if variation.name == FRICTION)
    return np.linspace(found.low, found.high, 3)


def train(binding: Binding, seed: int, plan: Plan, say: Say) -> Trained:
    """The policy that does the task at least cost under all settings.

    Covariance matrix adaptation (Hansen, Ostermeier 2001) as `cma` has it. Every candidate meets the same hands and
    tasks, so that the cost is a function of the policy alone.

    :raises AuditError: if `cma` is not installed
    """
    tasks = instances(plan.tasks, seed)
    settings = friction_settings(binding)
    others = drawn(binding, len(settings) * len(tasks), seed)
    scene = with_value(others, FRICTION, np.repeat(settings, len(tasks)))
    worlds = list(tasks) * len(settings)
    hands = Hands(binding, Family(scene.names, np.tile(scene.draws, (POPULATION, 1))))
    search = _search(seed)
    costs = []
    for generation in range(plan.generations):
        candidates = search.ask()
        outcome = _played(binding, hands, [policy_of(x) for x in candidates], worlds)
        cost = cost_of(outcome).reshape(POPULATION, len(worlds)).mean(axis=1)
        search.tell(candidates, cost.tolist())
        costs.append(float(cost.min()))
        say(f'generation {generation + 1} of {plan.generations}: cost {costs[-1]:.3f}')
    best = policy_of(np.asarray(search.result.xbest))
    ends = _played(binding, Hands(binding, scene), [best], worlds)
    success, slip, effort = (
        values.reshape(len(settings), len(tasks)).mean(axis=1)
        for values in (ends.success, ends.slip_rate, ends.effort_n)
    )
    return Trained(best, settings, success, slip, effort, tuple(costs))


def policy_of(shares: Array) -> Array:
    """Shares of the bounds -> parameters, shape (P,)."""
    return np.asarray(LOW + np.clip(shares, 0.0, 1.0) * (HIGH - LOW))


def cost_of(outcome: Outcome) -> Array:
    """What each round cost, shape (K,): failure, what is missing of the goals, slip, grip."""
    missing = 1.0 - np.clip(outcome.lifted_m / GOAL_M, 0.0, 1.0)
    missing += np.clip(outcome.turned_rad / GOAL_RAD - 1.0, 0.0, 1.0)
    slip = np.nan_to_num(outcome.slip_rate, nan=1.0)
    return np.asarray(FAILURE * (1.0 - outcome.success) + missing + slip + EFFORT_PER_N * outcome.effort_n)


def _played(binding: Binding, hands: Hands, policies: list[Array], worlds: list[Instance]) -> Outcome:
    """Every policy in every world, policies first."""
    starts = np.array([cube_start(binding, world) for world in worlds] * len(policies))
    controls = np.array([controls_of(binding, policy, world) for policy in policies for world in worlds])
    sensed = hands.play(starts, controls)
    return judge(binding, readings(binding, families.nominal(binding), sensed, None))


def library() -> Any:
    """The module `cma`.

    :raises AuditError: if it is not installed
    """
    try:
        import cma
    except ImportError as error:
        raise AuditError('cma is missing; install it with: pip install "transfer_audit[lab]"') from error
    return cma


def _search(seed: int) -> Any:
    """A search of its own random numbers, that writes no files and says nothing."""
    rng = np.random.default_rng([seed, 13])
    options = {
        'bounds': [0.0, 1.0],
        'popsize': POPULATION,
        'randn': lambda *shape: rng.standard_normal(shape),
        'seed': np.nan,
        'verbose': -9,
        'verb_log': 0,
    }
    return library().CMAEvolutionStrategy(np.full(len(LOW), START), STEP, options)
